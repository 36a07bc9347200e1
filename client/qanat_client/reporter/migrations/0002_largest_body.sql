-- The largest body that a relay takes, in bytes, as it said last; NULL until it has said so.
ALTER TABLE relay ADD COLUMN largest_body INTEGER;
