-- What is on its way to a terminal stands apart, too: while an index of the terminal's row names it, PostgreSQL writes every
-- index of that row at each step of delivery (no heap-only update).
CREATE TABLE flight (
  slice INTEGER NOT NULL, ship INTEGER NOT NULL,
  sub INTEGER NOT NULL, term INTEGER NOT NULL,
  PRIMARY KEY (slice, ship)
) WITHOUT ROWID;
INSERT INTO flight SELECT slice, in_flight, sub, term FROM terminal WHERE in_flight IS NOT NULL;
DROP INDEX terminal_in_flight;
