-- Deletions whose entry's text still stands in the journal, by time: found when it is to be forgotten, and no change that
-- deletes nothing is in the index.
ALTER TABLE change ADD COLUMN gone INTEGER;
UPDATE change SET gone = 1 WHERE body LIKE '%"after":null%';
CREATE INDEX change_gone ON change (slice, at) WHERE gone IS NOT NULL;
