-- How often each part was about to be looked at: what ends the program each time is left alone after
-- a few.
DROP TRIGGER parts_wait_to_be_looked_at;
ALTER TABLE unlooked ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
CREATE INDEX unlooked_by_tries ON unlooked (tries);
CREATE TRIGGER parts_wait_to_be_looked_at AFTER UPDATE OF state ON parts
WHEN NEW.state = 'verified' AND OLD.state <> 'verified'
BEGIN
    INSERT OR IGNORE INTO unlooked (report_id, file, rendition)
    VALUES (NEW.report_id, NEW.file, NEW.rendition);
END;
