-- Slices lead every key (STORE.md). All integers are 8 octets, instants ms UTC and parameters, no booleans, no serial numbers.
CREATE TABLE store_state (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  schema INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  created INTEGER NOT NULL
);

CREATE TABLE subscriber (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL,
  msisdn TEXT NOT NULL, name TEXT NOT NULL, language TEXT NOT NULL, region TEXT NOT NULL,
  PRIMARY KEY (slice, sub)
) WITHOUT ROWID;
CREATE INDEX subscriber_msisdn ON subscriber (msisdn);

-- What stays of a deleted subscriber: sha256(salt, journal records in order).
CREATE TABLE departed (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL,
  changes INTEGER NOT NULL, salt BLOB NOT NULL, digest BLOB NOT NULL,
  PRIMARY KEY (slice, sub)
) WITHOUT ROWID;

CREATE TABLE book (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  next_friend INTEGER NOT NULL, next_group INTEGER NOT NULL, next_number INTEGER NOT NULL,
  PRIMARY KEY (slice, sub)
) WITHOUT ROWID;

CREATE TABLE friend (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL, no INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (slice, sub, no)
) WITHOUT ROWID;

CREATE TABLE friend_group (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL, no INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (slice, sub, no)
) WITHOUT ROWID;

-- request: on the first change of its edit.
CREATE TABLE change (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL, rev INTEGER NOT NULL,
  request TEXT, sitting INTEGER NOT NULL, actor TEXT NOT NULL, at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (slice, sub, rev)
) WITHOUT ROWID;
CREATE UNIQUE INDEX change_request ON change (slice, request) WHERE request IS NOT NULL;

-- due_*: written by edits; the rest by the slice's owner. due_flags: 1 everything, 2 verify, 4 test.
CREATE TABLE terminal (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL, term INTEGER NOT NULL,
  channel TEXT NOT NULL, address TEXT NOT NULL, iccid TEXT, retired INTEGER NOT NULL,
  counter_next INTEGER NOT NULL, in_flight INTEGER, next_try INTEGER,
  due_rev INTEGER, due_at INTEGER, due_since INTEGER, due_lane INTEGER, due_flags INTEGER,
  body TEXT NOT NULL,
  PRIMARY KEY (slice, sub, term)
) WITHOUT ROWID;
-- Active addresses are unique; these indexes hold it even against a fault in Kith.
CREATE UNIQUE INDEX terminal_iccid ON terminal (iccid) WHERE iccid IS NOT NULL AND retired = 0;
CREATE UNIQUE INDEX terminal_address ON terminal (address, channel) WHERE retired = 0;
CREATE INDEX terminal_in_flight ON terminal (slice, in_flight) WHERE in_flight IS NOT NULL;
-- One node owns all slices of SQLite and asks for what is due over all of them: the lane leads, so that a poll is one
-- ordered walk that stops at its limit, however much a campaign made due. PostgreSQL's index leads with the slice.
CREATE INDEX terminal_due ON terminal (due_lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX terminal_next_try ON terminal (next_try) WHERE next_try IS NOT NULL;

-- entries: [[friend, number, slot], …]; freed: [slot, …], oldest first.
CREATE TABLE placement (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL, term INTEGER NOT NULL,
  entries TEXT NOT NULL, freed TEXT NOT NULL,
  PRIMARY KEY (slice, sub, term)
) WITHOUT ROWID;

-- owner: 0 free, 1 ours (friend, number), 2 foreign, 3 unknown. proof: 0 none … 4 verified.
CREATE TABLE slot (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL, term INTEGER NOT NULL, slot INTEGER NOT NULL,
  content BLOB NOT NULL, owner INTEGER NOT NULL, friend INTEGER, number INTEGER,
  proof INTEGER NOT NULL, since INTEGER, doubt INTEGER NOT NULL,
  PRIMARY KEY (slice, sub, term, slot)
) WITHOUT ROWID;

-- Appended, so with a rowid. state: 0 queued, 1 sending, 2 waiting, 3 proven, 4 failed, 5 superseded.
CREATE TABLE shipment (
  slice INTEGER NOT NULL, ship INTEGER NOT NULL,
  sub INTEGER NOT NULL, term INTEGER NOT NULL,
  kind INTEGER NOT NULL, lane INTEGER NOT NULL, state INTEGER NOT NULL, at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (slice, ship)
);
CREATE INDEX shipment_unfinished ON shipment (slice, lane, ship) WHERE state < 3;
CREATE INDEX shipment_terminal ON shipment (slice, sub, term, at);
CREATE INDEX shipment_at ON shipment (at);

-- The directory by which a receipt finds its shipment; goes with the shipment.
CREATE TABLE sent (
  gateway TEXT NOT NULL, message TEXT NOT NULL,
  slice INTEGER NOT NULL, ship INTEGER NOT NULL,
  packet INTEGER NOT NULL, part INTEGER NOT NULL, sending INTEGER NOT NULL,
  PRIMARY KEY (gateway, message)
) WITHOUT ROWID;
CREATE INDEX sent_shipment ON sent (slice, ship);

CREATE TABLE hold (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL, no INTEGER NOT NULL,
  held INTEGER NOT NULL, since INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (slice, sub, no)
) WITHOUT ROWID;
CREATE INDEX hold_held ON hold (since) WHERE held = 1;

CREATE TABLE document (
  kind TEXT NOT NULL, key TEXT NOT NULL,
  value TEXT NOT NULL, version INTEGER NOT NULL, second TEXT, expires INTEGER,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX document_second ON document (kind, second) WHERE second IS NOT NULL;
CREATE INDEX document_expires ON document (expires) WHERE expires IS NOT NULL;
