-- Which blocks a relay has that has not all of them (word 1): bit 7 of byte 0 is block 0.
ALTER TABLE custody ADD COLUMN held BLOB;
