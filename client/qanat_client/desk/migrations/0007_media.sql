-- What a picture, or one picture of a film, looks like to PDQ: 256 bits, and how much there was to
-- see (0 to 100). `hash` is NULL of what was looked at and has none. A row is never changed.
CREATE TABLE likenesses (
    number    INTEGER PRIMARY KEY,
    report_id BLOB NOT NULL REFERENCES reports (id),
    file      INTEGER NOT NULL,
    rendition INTEGER NOT NULL,
    hash      BLOB,
    quality   INTEGER NOT NULL,
    UNIQUE (report_id, file, rendition)
);

-- Verified parts that nobody looked at yet; what is here already is looked at too.
CREATE TABLE unlooked (
    report_id BLOB NOT NULL REFERENCES reports (id),
    file      INTEGER NOT NULL,
    rendition INTEGER NOT NULL,
    PRIMARY KEY (report_id, file, rendition)
) WITHOUT ROWID;
INSERT INTO unlooked SELECT report_id, file, rendition FROM parts WHERE state = 'verified';
CREATE TRIGGER parts_wait_to_be_looked_at AFTER UPDATE OF state ON parts
WHEN NEW.state = 'verified' AND OLD.state <> 'verified'
BEGIN
    INSERT OR IGNORE INTO unlooked VALUES (NEW.report_id, NEW.file, NEW.rendition);
END;
