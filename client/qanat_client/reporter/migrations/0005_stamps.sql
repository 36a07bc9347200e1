-- The work that a relay under a flood asks for. nonce: NULL while it is only asked for.
CREATE TABLE stamp (
    parcel INTEGER PRIMARY KEY REFERENCES parcel (key),
    epoch INTEGER NOT NULL,
    effort INTEGER NOT NULL,
    nonce BLOB
) STRICT;
