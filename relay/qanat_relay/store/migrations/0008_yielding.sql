-- How much the bodies weigh that make way for anybody: those that are purged and still here, and parts
-- that a desk has opened. So a relay that is full of them takes what comes, and need not read them.
ALTER TABLE tally ADD COLUMN yielding_bytes INTEGER NOT NULL DEFAULT 0;

-- A header has the size of its body, below 2^32, in the bytes 12 to 15, the greatest first.
WITH RECURSIVE
    digit (at, factor) AS (
        SELECT 25, 268435456 UNION ALL SELECT at + 1, factor / 16 FROM digit WHERE at < 32
    )
UPDATE tally SET yielding_bytes = coalesce((
    SELECT sum(factor * (instr('0123456789ABCDEF', substr(hex(substr(header, 1, 16)), at, 1)) - 1))
    FROM parcel, digit
    WHERE present = 1 AND (state = 3 OR state = 2 AND kind = 2 AND opened = 1)
), 0);
