-- A peer is given what lies under all tags: of letters there are so many that they are read in the
-- order in which they lie, of anything else by this.
CREATE INDEX parcel_by_rank ON parcel (rank) WHERE state = 2 AND rank != 1;
