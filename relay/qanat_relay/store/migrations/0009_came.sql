-- The day on which an OPENED came, or a later one that was believed before: who asked on some day for
-- what was opened is told what came since. NULL for what came before this was kept, and is told to all.
ALTER TABLE tombstone ADD COLUMN came_day INTEGER;
