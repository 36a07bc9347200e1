-- What this desk wrote to reporters and to all, for its own eyes: the queue forgets what has
-- expired, and holds of a reply only what its reader can open.
CREATE TABLE replies (
    number    INTEGER PRIMARY KEY,
    report_id BLOB NOT NULL REFERENCES reports (id),
    parcel_id BLOB NOT NULL,
    made_s    INTEGER NOT NULL,
    text      TEXT NOT NULL,
    -- The numbers of the files that were asked for, with spaces between.
    wanted    TEXT NOT NULL
);
CREATE INDEX replies_by_report ON replies (report_id);

-- Bulletins that say the same in several languages were made together: `together` is the first one's
-- serial. `corrects`: the serial of another.
CREATE TABLE bulletins (
    serial    INTEGER PRIMARY KEY,
    parcel_id BLOB NOT NULL,
    made_s    INTEGER NOT NULL,
    language  TEXT NOT NULL,
    title     TEXT NOT NULL,
    text      TEXT NOT NULL,
    pictures  INTEGER NOT NULL,
    corrects  INTEGER,
    together  INTEGER NOT NULL
);

-- How many reports of each pseudonym are catalogued: whoever wrote many takes one row of a list.
ALTER TABLE aliases ADD COLUMN reports INTEGER NOT NULL DEFAULT 0;
UPDATE aliases SET reports = (SELECT count(*) FROM catalogue c WHERE c.author = aliases.author);
CREATE INDEX aliases_by_reports ON aliases (reports, author);
CREATE TRIGGER catalogued_reports_are_counted AFTER INSERT ON catalogue
BEGIN
    UPDATE aliases SET reports = reports + 1 WHERE author = NEW.author;
END;
CREATE TRIGGER uncatalogued_reports_are_not_counted AFTER DELETE ON catalogue
BEGIN
    UPDATE aliases SET reports = reports - 1 WHERE author = OLD.author;
END;
