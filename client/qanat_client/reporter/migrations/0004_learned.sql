-- Who names a relay: NULL for a desk's card; the signing key of the relay whose card does; its own where it was given by hand.
ALTER TABLE relay ADD COLUMN named_by BLOB;

-- The newest card of each relay that a desk's card names, as it was received.
CREATE TABLE relay_card (
    signing_key BLOB PRIMARY KEY,
    envelope BLOB NOT NULL
) STRICT;
