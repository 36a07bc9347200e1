-- What is held under each tag, so that one desk's cannot take the room of all others. All replies
-- count as one: each has a tag of its own, or as good as. In bytes as `costs.py` has them; of what is
-- in part its blocks and lists. `kept` is what is never dropped for room: all but parts.
CREATE TABLE tag_room (
    tag     BLOB PRIMARY KEY,
    kept    INTEGER NOT NULL DEFAULT 0,
    parts   INTEGER NOT NULL DEFAULT 0,
    partial INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

ALTER TABLE tally ADD COLUMN kept_bytes INTEGER NOT NULL DEFAULT 0;

INSERT INTO tag_room (tag, kept, parts)
    SELECT CASE WHEN kind = 4 THEN x'' ELSE tag END AS whose,
        sum(CASE WHEN kind != 2 THEN cost ELSE 0 END),
        sum(CASE WHEN kind = 2 THEN cost ELSE 0 END)
    FROM (
        SELECT kind, tag, 1024 + coalesce(
            length(body),
            (SELECT sum(length(data) + 512) FROM block
                WHERE number BETWEEN place * 262144 AND place * 262144 + 262143),
            0
        ) AS cost
        FROM parcel WHERE state = 2
    )
    GROUP BY whose;

INSERT INTO tag_room (tag, partial)
    SELECT CASE WHEN substr(header, 3, 1) = x'04' THEN x'' ELSE substr(header, 17, 16) END AS whose,
        sum(held_bytes + list_bytes)
    FROM partial WHERE true GROUP BY whose
    ON CONFLICT (tag) DO UPDATE SET partial = excluded.partial;

UPDATE tally SET kept_bytes = (SELECT coalesce(sum(kept), 0) FROM tag_room);
