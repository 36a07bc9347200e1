-- Where and when reports were written, as the map and the plots count them; from `reports` alone.

-- The number of the place in the table of cities, 0 where its words name none of it; whether they may
-- as well mean another one; the writer's clock, 0 where it was not said.
ALTER TABLE catalogue ADD COLUMN city INTEGER NOT NULL DEFAULT 0;
ALTER TABLE catalogue ADD COLUMN city_is_unsure INTEGER NOT NULL DEFAULT 0;
ALTER TABLE catalogue ADD COLUMN written_s INTEGER NOT NULL DEFAULT 0;
CREATE INDEX catalogue_by_city ON catalogue (city);

-- What was catalogued before is catalogued again.
DELETE FROM catalogue;
DELETE FROM catalogue_places;
DELETE FROM catalogue_figures;
INSERT INTO catalogue_words (catalogue_words) VALUES ('delete-all');
DELETE FROM uncatalogued;
INSERT INTO uncatalogued (report_id) SELECT id FROM reports ORDER BY arrived_s, id;
