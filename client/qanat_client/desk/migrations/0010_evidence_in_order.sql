-- Receipts and tombstones too lie in the order in which they came.
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
