-- The keys of a report's place with its city's in place of the words that name it, between spaces, as
-- `relating.keys` makes them: so that Astana and Целиноград are one place. From `reports` alone.
ALTER TABLE catalogue ADD COLUMN place_parts TEXT NOT NULL DEFAULT '';

-- What was catalogued before is catalogued again.
DELETE FROM catalogue;
DELETE FROM catalogue_places;
DELETE FROM catalogue_figures;
INSERT INTO catalogue_words (catalogue_words) VALUES ('delete-all');
DELETE FROM uncatalogued;
INSERT INTO uncatalogued (report_id) SELECT id FROM reports ORDER BY arrived_s, id;
