-- What a desk has and a relay was found not to know: it is left out of what is compared with it.
CREATE TABLE absent (
    relay     BLOB NOT NULL,
    parcel_id BLOB NOT NULL,
    PRIMARY KEY (relay, parcel_id)
) WITHOUT ROWID;

-- The relay's store, as it named itself when the cursor came: another one has to be told anew.
ALTER TABLE cursors ADD COLUMN incarnation BLOB;
