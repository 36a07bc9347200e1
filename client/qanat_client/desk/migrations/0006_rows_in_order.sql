-- What comes with each report lies in the order in which it came, and is found by its id through an
-- index: within the index that it was, each new row was put between others far apart, and looking
-- for a report read whole ones on the way. States are compared one by one: for a list of more than two
-- SQLite makes a table with each row that it checks.
CREATE TABLE parcels_in_order (
    id          BLOB PRIMARY KEY NOT NULL,
    offer       BLOB NOT NULL,
    header      BLOB NOT NULL,
    kind        INTEGER NOT NULL,
    state       TEXT NOT NULL
        CHECK (state = 'partial' OR state = 'whole' OR state = 'opened' OR state = 'set-aside'),
    bitmap      BLOB NOT NULL,
    blocks_held INTEGER NOT NULL,
    relay       BLOB NOT NULL,
    arrived_s   INTEGER NOT NULL,
    verdict     INTEGER,
    detail      TEXT NOT NULL DEFAULT '',
    content_key BLOB,
    expiry_day  INTEGER NOT NULL
);
INSERT INTO parcels_in_order SELECT * FROM parcels ORDER BY arrived_s;
DROP TABLE parcels;
ALTER TABLE parcels_in_order RENAME TO parcels;
CREATE INDEX parcels_by_offer ON parcels (offer);
CREATE INDEX parcels_by_state ON parcels (state, kind);

CREATE TABLE reports_in_order (
    id         BLOB PRIMARY KEY NOT NULL,
    parcel_id  BLOB NOT NULL REFERENCES parcels (id),
    author     BLOB NOT NULL,
    content    BLOB NOT NULL,
    signature  BLOB NOT NULL,
    urgent     INTEGER NOT NULL,
    arrived_s  INTEGER NOT NULL,
    refers     BLOB,
    withdraws  INTEGER NOT NULL DEFAULT 0
);
INSERT INTO reports_in_order SELECT * FROM reports ORDER BY arrived_s;
DROP TABLE reports;
ALTER TABLE reports_in_order RENAME TO reports;
CREATE INDEX reports_by_author ON reports (author);
CREATE INDEX reports_by_refers ON reports (refers);
CREATE TRIGGER reports_wait_for_the_catalogue AFTER INSERT ON reports
BEGIN
    INSERT INTO uncatalogued (report_id) VALUES (NEW.id);
END;

CREATE TABLE receipts_in_order (
    parcel_id BLOB NOT NULL,
    relay     BLOB NOT NULL,
    day       INTEGER NOT NULL,
    receipt   BLOB NOT NULL,
    PRIMARY KEY (parcel_id, relay, day)
);
INSERT INTO receipts_in_order SELECT * FROM receipts;
DROP TABLE receipts;
ALTER TABLE receipts_in_order RENAME TO receipts;

CREATE TABLE tombstones_in_order (
    parcel_id  BLOB PRIMARY KEY NOT NULL,
    opened     BLOB NOT NULL,
    signer     BLOB NOT NULL,
    signature  BLOB NOT NULL,
    purge_key  BLOB NOT NULL,
    opened_day INTEGER NOT NULL
);
INSERT INTO tombstones_in_order SELECT * FROM tombstones;
DROP TABLE tombstones;
ALTER TABLE tombstones_in_order RENAME TO tombstones;
