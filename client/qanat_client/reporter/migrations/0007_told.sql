-- The day of a relay's on which it told all that a desk had opened by then. Only while something waits for the desk's word.
CREATE TABLE told (
    relay BLOB NOT NULL,
    desk BLOB NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (relay, desk)
) STRICT, WITHOUT ROWID;
