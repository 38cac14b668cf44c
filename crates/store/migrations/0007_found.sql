-- Shipments that failed or were superseded, few among many, stand apart to be found without reading the others. An index of
-- the shipment's state would make PostgreSQL write all its indexes at every step of delivery (no heap-only update). What
-- was proven later all the same stays here: the shipment's own state counts.
CREATE TABLE undone (
  slice INTEGER NOT NULL, ship INTEGER NOT NULL,
  sub INTEGER NOT NULL, state INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (slice, ship)
) WITHOUT ROWID;
INSERT INTO undone SELECT slice, ship, sub, state, at FROM shipment WHERE state > 3;
CREATE INDEX undone_at ON undone (state, at, ship);
-- Which slices lie on this server, like "0-127"; empty until it is first opened by a Kith that knows of it (PostgreSQL).
ALTER TABLE store_state ADD COLUMN slices TEXT NOT NULL DEFAULT '';

-- A retired terminal remembers its card's counter: whoever takes the card in anew begins there.
CREATE INDEX terminal_retired ON terminal (iccid) WHERE retired = 1;
-- Deletions whose entry's text still stands in the journal, by time: found when it is to be forgotten, and no change that
-- deletes nothing is in the index.
ALTER TABLE change ADD COLUMN gone INTEGER;
UPDATE change SET gone = 1 WHERE body LIKE '%"after":null%';
CREATE INDEX change_gone ON change (slice, at) WHERE gone IS NOT NULL;
