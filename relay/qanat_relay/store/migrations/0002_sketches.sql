-- What is known under a tag and not held any more: with `parcel_by_tag` all that a sketch is of. A
-- parcel comes in here when it is purged or evicted, so that taking one in costs no more than it did.
CREATE INDEX parcel_gone ON parcel (tag) WHERE state != 2;
