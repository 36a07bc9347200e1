-- Who decides at this desk. `seed` is there for the key with which this vault signs.
CREATE TABLE editors (
    public BLOB PRIMARY KEY,
    seed   BLOB
) WITHOUT ROWID;

-- Every decision as it was signed. `part` is the other thing that it is about: a tag, an element,
-- a report in an incident.
CREATE TABLE decisions (
    id        BLOB PRIMARY KEY,
    clock     INTEGER NOT NULL,
    subject   BLOB NOT NULL,
    part      BLOB NOT NULL,
    content   BLOB NOT NULL,
    signature BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX decisions_by_clock ON decisions (clock);
CREATE INDEX decisions_by_subject ON decisions (subject);
CREATE INDEX decisions_by_part ON decisions (part);

CREATE TRIGGER decisions_are_not_changed BEFORE UPDATE ON decisions
BEGIN
    SELECT RAISE(ABORT, 'a decision is never changed');
END;
CREATE TRIGGER decisions_are_not_removed BEFORE DELETE ON decisions
BEGIN
    SELECT RAISE(ABORT, 'a decision is never removed');
END;

-- What is in force: of each register the decision with the highest (clock, id). Made from
-- `decisions` alone, whatever the order in which they came.
CREATE TABLE registers (
    what     INTEGER NOT NULL,
    subject  BLOB NOT NULL,
    part     BLOB NOT NULL,
    clock    INTEGER NOT NULL,
    decision BLOB NOT NULL,
    number   INTEGER NOT NULL,
    words    TEXT NOT NULL,
    PRIMARY KEY (what, subject, part)
) WITHOUT ROWID;
CREATE INDEX registers_by_part ON registers (what, part);
CREATE INDEX registers_by_number ON registers (what, number, subject);
