-- Which terminals a person must look after (2), and which he should know of (1): found without reading all of them.
ALTER TABLE terminal ADD COLUMN needs INTEGER;
UPDATE terminal SET needs = 2 WHERE retired = 0 AND body LIKE '%"trouble":{%';
UPDATE terminal SET needs = 1 WHERE retired = 0 AND needs IS NULL AND body LIKE '%"notice":{%';
CREATE INDEX terminal_needs ON terminal (needs, slice, sub, term) WHERE needs IS NOT NULL;
