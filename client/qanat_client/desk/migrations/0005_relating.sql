-- By what reports are found to belong together; like the catalogue it comes from `reports` alone.

-- When it was written, by a clock that can be right; else when it came.
ALTER TABLE catalogue ADD COLUMN at_s INTEGER NOT NULL DEFAULT 0;

-- The words of a report's place, and of what its figures count, as `relating.keys` makes them.
CREATE TABLE catalogue_places (
    word   TEXT NOT NULL,
    at_s   INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (word, at_s, number)
) WITHOUT ROWID;
CREATE TABLE catalogue_figures (
    word   TEXT NOT NULL,
    at_s   INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (word, at_s, number)
) WITHOUT ROWID;
CREATE INDEX parts_by_sha256 ON parts (sha256);

-- What was catalogued before is catalogued again.
DELETE FROM catalogue;
INSERT INTO catalogue_words (catalogue_words) VALUES ('delete-all');
DELETE FROM uncatalogued;
INSERT INTO uncatalogued (report_id) SELECT id FROM reports ORDER BY arrived_s, id;
