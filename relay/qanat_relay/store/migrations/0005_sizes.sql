-- How much the bodies weigh of what `letters`, `replies`, `parts` and `public` count, so that nobody
-- has to read every header for it.
ALTER TABLE tally ADD COLUMN letter_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tally ADD COLUMN reply_bytes  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tally ADD COLUMN part_bytes   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tally ADD COLUMN public_bytes INTEGER NOT NULL DEFAULT 0;

-- A header has the size of its body, below 2^32, in the bytes 12 to 15, the greatest first.
WITH RECURSIVE
    digit (at, factor) AS (
        SELECT 25, 268435456 UNION ALL SELECT at + 1, factor / 16 FROM digit WHERE at < 32
    ),
    weighed (kind, size) AS (
        SELECT kind, factor * (instr('0123456789ABCDEF', substr(hex(substr(header, 1, 16)), at, 1)) - 1)
        FROM parcel, digit WHERE state = 2
    ),
    total (kind, size) AS (SELECT kind, sum(size) FROM weighed GROUP BY kind)
UPDATE tally SET
    letter_bytes = coalesce((SELECT size FROM total WHERE kind = 1), 0),
    reply_bytes  = coalesce((SELECT size FROM total WHERE kind = 4), 0),
    part_bytes   = coalesce((SELECT size FROM total WHERE kind = 2), 0),
    public_bytes = coalesce((SELECT size FROM total WHERE kind = 3), 0);
