-- What reports are found by. The whole of it comes from `reports` and can be made again.
CREATE TABLE uncatalogued (
    number    INTEGER PRIMARY KEY,
    report_id BLOB NOT NULL REFERENCES reports (id)
);
INSERT INTO uncatalogued (report_id) SELECT id FROM reports ORDER BY arrived_s, id;
CREATE TRIGGER reports_wait_for_the_catalogue AFTER INSERT ON reports
BEGIN
    INSERT INTO uncatalogued (report_id) VALUES (NEW.id);
END;

-- One row for each report, numbered in the order in which they came; language and place folded.
CREATE TABLE catalogue (
    number    INTEGER PRIMARY KEY,
    report_id BLOB NOT NULL UNIQUE,
    author    BLOB NOT NULL,
    arrived_s INTEGER NOT NULL,
    urgent    INTEGER NOT NULL,
    basis     INTEGER NOT NULL,
    language  TEXT NOT NULL,
    place     TEXT NOT NULL
);
CREATE INDEX catalogue_by_author ON catalogue (author);

-- The words of each report, folded and cut to eight letters, so that the beginning of every word is
-- an entry of its own and a search need not gather what begins alike.
CREATE VIRTUAL TABLE catalogue_words USING fts5 (
    words, content = '', detail = none, columnsize = 0, tokenize = 'ascii', prefix = '2 3 4 5 6 7'
);

-- Two words for each pseudonym. `number` is above 1 for whoever came later under the same two.
CREATE TABLE aliases (
    author BLOB PRIMARY KEY,
    words  TEXT NOT NULL,
    number INTEGER NOT NULL,
    UNIQUE (words, number)
) WITHOUT ROWID;

CREATE INDEX copies_by_report ON copies (report_id);
