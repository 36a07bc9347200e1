-- A letter of 4 KiB is one row whose body fills one overflow page of 4096 bytes; with the indexes a
-- stored letter costs about 1.14 times its padded size. Every index takes letters in the order of
-- their arrival but `offer`, which gets them sorted, many at a time.

CREATE TABLE store (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    incarnation BLOB,                       -- 16 random bytes; NULL in a copy, drawn when it is opened
    swept_day   INTEGER,                    -- the newest day of the clock that was believed
    noted_day   INTEGER,                    -- the last day of a clock that jumped and is doubted
    agreed_days INTEGER NOT NULL DEFAULT 0  -- how long it has gone on since
);
INSERT INTO store (only) VALUES (1);

-- What the writer knows by heart, so that it never counts rows. One row, written with each commit.
CREATE TABLE tally (
    only          INTEGER PRIMARY KEY CHECK (only = 1),
    last_arrival  INTEGER NOT NULL DEFAULT 0,   -- numbers given so far; none is ever given twice
    last_indexed  INTEGER NOT NULL DEFAULT 0,   -- parcels up to this arrival are in `offer`
    letters       INTEGER NOT NULL DEFAULT 0,
    replies       INTEGER NOT NULL DEFAULT 0,
    parts         INTEGER NOT NULL DEFAULT 0,
    public        INTEGER NOT NULL DEFAULT 0,
    partial       INTEGER NOT NULL DEFAULT 0,
    partial_bytes INTEGER NOT NULL DEFAULT 0,
    purged        INTEGER NOT NULL DEFAULT 0,
    evicted       INTEGER NOT NULL DEFAULT 0,
    opened        INTEGER NOT NULL DEFAULT 0,
    tombstones    INTEGER NOT NULL DEFAULT 0    -- of both kinds
);
INSERT INTO tally (only) VALUES (1);

-- Parcels that are or were complete, and those purged before they were. state: 2 held, 3 purged,
-- 4 evicted. A body of one block stands in the row; a longer one in `block` under `place`, which is
-- drawn at random: a counter would say when its first block came.
CREATE TABLE parcel (
    arrival     INTEGER PRIMARY KEY,
    id          BLOB NOT NULL,
    header      BLOB NOT NULL,
    tag         BLOB NOT NULL,
    rank        INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    expiry      INTEGER NOT NULL,
    state       INTEGER NOT NULL DEFAULT 2,
    present     INTEGER NOT NULL DEFAULT 1, -- 1 while the body is there
    taken_day   INTEGER NOT NULL,
    purged_day  INTEGER,
    opened      INTEGER NOT NULL DEFAULT 0, -- 1 once an OPENED is held
    effort      INTEGER NOT NULL DEFAULT 0, -- of the best stamp; 0 for none
    stamp_epoch INTEGER,
    stamp_nonce BLOB,
    class       INTEGER,                    -- of a public document, with its serial
    serial      INTEGER,
    place       INTEGER,
    page_roots  BLOB,                       -- of a body of more than 512 blocks
    body        BLOB
);
CREATE INDEX parcel_by_tag ON parcel (tag, rank) WHERE state = 2;
CREATE INDEX parcel_by_expiry ON parcel (expiry);
CREATE INDEX parcel_replies ON parcel (tag) WHERE state = 2 AND kind = 4;
CREATE UNIQUE INDEX parcel_by_place ON parcel (place) WHERE place IS NOT NULL;
CREATE INDEX parcel_by_document ON parcel (tag, class, serial) WHERE state = 2 AND serial IS NOT NULL;
-- What makes room, in this order: purged bodies, then (by expiry) expired ones, then parts.
CREATE INDEX parcel_purged ON parcel (purged_day) WHERE state = 3 AND present = 1;
CREATE INDEX parcel_evictable ON parcel (opened DESC, effort, rank DESC) WHERE state = 2 AND kind = 2;

-- By the first 16 bytes of the id. The newest parcels are not here yet: see `last_indexed`.
CREATE TABLE offer (
    offer   BLOB PRIMARY KEY,
    arrival INTEGER NOT NULL
) WITHOUT ROWID;

-- The ends of ranges of arrival numbers. Within a range, which begins behind the one before, the
-- numbers were dealt anew, the last time in this era: they say no more of when something came.
CREATE TABLE mixed (
    last  INTEGER PRIMARY KEY,
    era   INTEGER NOT NULL,
    whole INTEGER NOT NULL DEFAULT 0 -- 1 once all of it was; a range that was cut is the last one
);

-- Bodies that are not complete. touched_day: when a block last came.
CREATE TABLE partial (
    place       INTEGER PRIMARY KEY,
    id          BLOB NOT NULL,
    header      BLOB NOT NULL,
    rank        INTEGER NOT NULL,
    expiry      INTEGER NOT NULL,
    touched_day INTEGER NOT NULL,
    held        INTEGER NOT NULL,           -- blocks
    held_bytes  INTEGER NOT NULL,
    opened      INTEGER NOT NULL,
    effort      INTEGER NOT NULL,
    stamp_epoch INTEGER,
    stamp_nonce BLOB
);
CREATE UNIQUE INDEX partial_by_offer ON partial (substr(id, 1, 16));

-- number: place * 2^18 + index; a body has at most 2^18 blocks.
CREATE TABLE block (
    number INTEGER PRIMARY KEY,
    leaf   BLOB NOT NULL,
    data   BLOB NOT NULL
);

-- frame: 14 OPENED (value: opened), 15 PURGE (value: purge key), as in the protocol.
CREATE TABLE tombstone (
    arrival     INTEGER PRIMARY KEY,
    parcel_id   BLOB NOT NULL,
    tag         BLOB NOT NULL,
    expiry      INTEGER NOT NULL,
    frame       INTEGER NOT NULL,
    value       BLOB NOT NULL,
    signing_key BLOB,
    signature   BLOB
);
CREATE INDEX tombstone_by_parcel ON tombstone (parcel_id, frame);
CREATE INDEX tombstone_by_tag ON tombstone (tag);
CREATE INDEX tombstone_by_expiry ON tombstone (expiry);
