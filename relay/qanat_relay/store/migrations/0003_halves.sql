-- What is here of a body in part can be given on, with the lists of leaves that prove its blocks.

ALTER TABLE partial ADD COLUMN list_bytes INTEGER NOT NULL DEFAULT 0;

-- A bitmap as in PARTIAL (SPEC 17) of the blocks whose page's list is held too. What came before
-- there were lists is not in it until they come.
ALTER TABLE partial ADD COLUMN provable BLOB NOT NULL DEFAULT x'';

CREATE INDEX partial_by_tag
    ON partial (substr(header, 17, 16), rank, opened, held_bytes DESC) WHERE provable != x'';
CREATE INDEX partial_by_lot ON partial (substr(header, 17, 16), rank) WHERE provable != x'';

-- number: place * 2^11 + page; page 1024: the page roots of a body of more than one page, which are
-- here if any of its pages is.
CREATE TABLE leaf_list (
    number INTEGER PRIMARY KEY,
    hashes BLOB NOT NULL
);
