-- Many nodes: a terminal's row is fenced by its version and its slice's lease; what a shipment carries stands apart from
-- how far it is. A line that begins with "-- PostgreSQL: " is a statement there.
ALTER TABLE terminal ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

-- Written once, with its shipment.
CREATE TABLE cargo (
  slice INTEGER NOT NULL, ship INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (slice, ship)
);

CREATE TABLE lease (
  slice INTEGER NOT NULL,
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (slice)
) WITHOUT ROWID;

-- The last group that a writer committed: it asks when a connection broke in the middle of a commit.
CREATE TABLE writer (
  node INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (node)
) WITHOUT ROWID;

-- sequence: one more with every commit (SQLite), to know a file that was copied back. timeline: PostgreSQL's, one more
-- with every fail-over.
ALTER TABLE store_state ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store_state ADD COLUMN timeline INTEGER NOT NULL DEFAULT 0;

-- PostgreSQL: ALTER TABLE terminal SET (fillfactor = 80);
-- PostgreSQL: ALTER TABLE shipment SET (fillfactor = 80);
-- PostgreSQL: ALTER TABLE slot SET (fillfactor = 80);
-- PostgreSQL: ALTER TABLE book SET (fillfactor = 80);
