-- Fewer pages a step. What is on its way is found by its terminal (terminal_in_flight). A line that begins with
-- "-- SQLite: " is a statement there.
DROP INDEX shipment_unfinished;
-- In the order of time, which is the low 55 bits of an id: what is new comes to the index's end.
DROP INDEX sent_shipment;
CREATE INDEX sent_shipment ON sent ((ship & 36028797018963967));
-- Long rows are appended, and found by an index of short keys: a row that comes between two others in their key's tree
-- rewrites its neighbours' pages.
-- SQLite: CREATE TABLE change_4 (
-- SQLite:   slice INTEGER NOT NULL, sub INTEGER NOT NULL, rev INTEGER NOT NULL,
-- SQLite:   request TEXT, sitting INTEGER NOT NULL, actor TEXT NOT NULL, at INTEGER NOT NULL,
-- SQLite:   body TEXT NOT NULL,
-- SQLite:   PRIMARY KEY (slice, sub, rev)
-- SQLite: );
-- SQLite: INSERT INTO change_4 SELECT slice, sub, rev, request, sitting, actor, at, body FROM change;
-- SQLite: DROP TABLE change;
-- SQLite: ALTER TABLE change_4 RENAME TO change;
-- SQLite: CREATE UNIQUE INDEX change_request ON change (slice, request) WHERE request IS NOT NULL;
-- A mark comes and goes with every edit, and a terminal's row is long: marks stand apart, where few pages hold them all.
CREATE TABLE due (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL, term INTEGER NOT NULL,
  rev INTEGER NOT NULL, at INTEGER NOT NULL, since INTEGER NOT NULL, lane INTEGER NOT NULL, flags INTEGER NOT NULL,
  shared INTEGER NOT NULL,
  PRIMARY KEY (slice, sub, term)
) WITHOUT ROWID;
INSERT INTO due SELECT slice, sub, term, due_rev, due_at, due_since, due_lane, due_flags, coalesce(due_shared, 0)
  FROM terminal WHERE due_at IS NOT NULL;
DROP INDEX terminal_due;
-- The lane leads: a poll is one ordered walk that stops at its limit, however much a campaign made due.
CREATE INDEX due_at ON due (lane, at);
ALTER TABLE terminal DROP COLUMN due_rev;
ALTER TABLE terminal DROP COLUMN due_at;
ALTER TABLE terminal DROP COLUMN due_since;
ALTER TABLE terminal DROP COLUMN due_lane;
ALTER TABLE terminal DROP COLUMN due_flags;
ALTER TABLE terminal DROP COLUMN due_shared;
