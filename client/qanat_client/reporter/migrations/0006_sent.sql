-- Which blocks of it were on their way to that relay, or about to be, when it last spoke of it, as in held.
ALTER TABLE custody ADD COLUMN sent BLOB;
