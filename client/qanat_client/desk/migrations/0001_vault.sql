-- What a desk knows. The whole file is encrypted; secrets are overwritten when they are deleted.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Signing keys that the statement certifies. The root key is never here.
CREATE TABLE signing_keys (
    public    BLOB PRIMARY KEY,
    seed      BLOB NOT NULL,
    first_day INTEGER NOT NULL,
    last_day  INTEGER NOT NULL
) WITHOUT ROWID;

-- One sealing key a week. `seed` becomes NULL when the week is over for good.
CREATE TABLE epochs (
    epoch       INTEGER PRIMARY KEY,
    public      BLOB NOT NULL,
    seed        BLOB,
    expiry_day  INTEGER NOT NULL,
    deleted_day INTEGER
);

CREATE TABLE cards (
    serial   INTEGER PRIMARY KEY,
    envelope BLOB NOT NULL
);

-- Every parcel that was ever taken from a relay. The body, sealed as it came, lies in parcels/
CREATE TABLE parcels (
    id          BLOB PRIMARY KEY,
    offer       BLOB NOT NULL,
    header      BLOB NOT NULL,
    kind        INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('partial', 'whole', 'opened', 'set-aside')),
    bitmap      BLOB NOT NULL,
    blocks_held INTEGER NOT NULL,
    relay       BLOB NOT NULL,
    arrived_s   INTEGER NOT NULL,
    verdict     INTEGER,
    detail      TEXT NOT NULL DEFAULT '',
    content_key BLOB,
    expiry_day  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX parcels_by_offer ON parcels (offer);
CREATE INDEX parcels_by_state ON parcels (state, kind);

CREATE TABLE reports (
    id         BLOB PRIMARY KEY,
    parcel_id  BLOB NOT NULL REFERENCES parcels (id),
    author     BLOB NOT NULL,
    content    BLOB NOT NULL,
    signature  BLOB NOT NULL,
    urgent     INTEGER NOT NULL,
    arrived_s  INTEGER NOT NULL,
    refers     BLOB,
    withdraws  INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX reports_by_author ON reports (author);
CREATE INDEX reports_by_refers ON reports (refers);

-- Every letter that brought a report, so that a duplicate's custody receipts stay evidence.
CREATE TABLE copies (
    parcel_id BLOB PRIMARY KEY REFERENCES parcels (id),
    report_id BLOB NOT NULL REFERENCES reports (id)
) WITHOUT ROWID;

-- The parts that letters name. A letter may name a part that is not its own, so several may claim
-- one parcel and each claim is tried. 'bad': it came and is not what this letter says.
CREATE TABLE parts (
    report_id   BLOB NOT NULL REFERENCES reports (id),
    file        INTEGER NOT NULL,
    rendition   INTEGER NOT NULL,
    parcel_id   BLOB NOT NULL,
    length      INTEGER NOT NULL,
    sha256      BLOB NOT NULL,
    content_key BLOB NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('missing', 'verified', 'bad')),
    verdict     INTEGER,
    PRIMARY KEY (report_id, file, rendition)
) WITHOUT ROWID;
CREATE INDEX parts_by_parcel ON parts (parcel_id);

-- Evidence: one relay's word that it held one parcel on a day.
CREATE TABLE receipts (
    parcel_id BLOB NOT NULL,
    relay     BLOB NOT NULL,
    day       INTEGER NOT NULL,
    receipt   BLOB NOT NULL,
    PRIMARY KEY (parcel_id, relay, day)
) WITHOUT ROWID;

-- What this desk has published about a parcel, and the relays that were told.
CREATE TABLE tombstones (
    parcel_id  BLOB PRIMARY KEY,
    opened     BLOB NOT NULL,
    signer     BLOB NOT NULL,
    signature  BLOB NOT NULL,
    purge_key  BLOB NOT NULL,
    opened_day INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE told (
    parcel_id BLOB NOT NULL,
    relay     BLOB NOT NULL,
    purged    INTEGER NOT NULL,
    PRIMARY KEY (parcel_id, relay)
) WITHOUT ROWID;

-- A tombstone under one of our tags that this desk never issued.
CREATE TABLE alarms (
    parcel_id BLOB NOT NULL,
    relay     BLOB NOT NULL,
    kind      TEXT NOT NULL,
    day       INTEGER NOT NULL,
    PRIMARY KEY (parcel_id, relay, kind)
) WITHOUT ROWID;

CREATE TABLE cursors (
    relay    BLOB PRIMARY KEY,
    cursor   BLOB,
    full_day INTEGER NOT NULL
) WITHOUT ROWID;

-- Offers that were left to another relay; asked for again if that one did not bring them.
CREATE TABLE skipped (
    relay BLOB NOT NULL,
    offer BLOB NOT NULL,
    PRIMARY KEY (relay, offer)
) WITHOUT ROWID;

CREATE TABLE mailboxes (
    prefix  BLOB PRIMARY KEY,
    numbers INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE outgoing (
    id          BLOB PRIMARY KEY,
    header      BLOB NOT NULL,
    body        BLOB NOT NULL,
    what        TEXT NOT NULL,
    about       TEXT NOT NULL,
    made_s      INTEGER NOT NULL,
    expiry_day  INTEGER NOT NULL,
    number      INTEGER NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE TABLE handed (
    id       BLOB NOT NULL REFERENCES outgoing (id),
    relay    BLOB NOT NULL,
    status   TEXT NOT NULL,
    verdict  INTEGER,
    day      INTEGER NOT NULL,
    PRIMARY KEY (id, relay)
) WITHOUT ROWID;

-- Public documents of this desk: the chain of each class, and the key that would purge them.
CREATE TABLE documents (
    class       INTEGER NOT NULL,
    serial      INTEGER NOT NULL,
    hash        BLOB NOT NULL,
    title       TEXT NOT NULL,
    content_key BLOB NOT NULL,
    PRIMARY KEY (class, serial)
) WITHOUT ROWID;
