-- One row for each report that is queued. Nothing here comes from its content.
CREATE TABLE item (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    desk BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    expiry_day INTEGER NOT NULL,
    -- Unix hours by the device's clock: coarse, but enough to tell one report from another.
    sealed_hour INTEGER NOT NULL,
    files INTEGER NOT NULL
) STRICT;

-- A letter (position 0) or a part. While its report is being sealed, item is NULL and batch set.
CREATE TABLE parcel (
    key INTEGER PRIMARY KEY,
    item INTEGER REFERENCES item (number),
    batch TEXT,
    position INTEGER NOT NULL,
    id BLOB UNIQUE,
    header BLOB,
    rank INTEGER,
    wanted INTEGER NOT NULL DEFAULT 0,
    -- The day on which the desk's signed word that it has opened it arrived here.
    opened_day INTEGER,
    -- Whether the blocks are still here.
    has_body INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE INDEX parcel_of_item ON parcel (item, position);
CREATE INDEX parcel_of_batch ON parcel (batch) WHERE batch IS NOT NULL;

-- The leaf stands before the data, so that a list is read without touching the bodies.
CREATE TABLE block (
    parcel INTEGER NOT NULL REFERENCES parcel (key),
    number INTEGER NOT NULL,
    leaf BLOB NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (parcel, number)
) STRICT;

-- What a relay says of a parcel. word: 1 half there, 2 holds it, 3 signed for it, 4 purged by the desk.
CREATE TABLE custody (
    parcel INTEGER NOT NULL REFERENCES parcel (key),
    relay BLOB NOT NULL,
    word INTEGER NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (parcel, relay)
) STRICT, WITHOUT ROWID;

CREATE TABLE relay (
    signing_key BLOB PRIMARY KEY,
    address TEXT NOT NULL,
    country TEXT NOT NULL
) STRICT;

-- Replies as they were received: sealed. Most are for others.
CREATE TABLE reply (
    id BLOB PRIMARY KEY,
    header BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Bulletins and cards, public by nature. class as in SPEC section 11.
CREATE TABLE document (
    desk BLOB NOT NULL,
    class INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    issued_day INTEGER NOT NULL,
    hash BLOB NOT NULL,
    header BLOB NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (desk, class, serial)
) STRICT;
