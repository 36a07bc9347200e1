-- What lost its body stays known for a week after its expiry. Whoever looks for bodies that have
-- expired, with each letter that needs room and some at a time in a sweep, must not pass all of that.
DROP INDEX parcel_by_expiry;
CREATE INDEX parcel_expiring ON parcel (expiry) WHERE present = 1;
CREATE INDEX parcel_remembered ON parcel (expiry) WHERE present = 0;
