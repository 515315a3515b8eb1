-- What a citizen asks of an organisation: to erase, to correct at its source, to explain a use. Her words are sealed
-- under her data key. And what feels wrong to her, of which only the weekly counts leave.

CREATE TABLE demands (
  id TEXT PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  client TEXT NOT NULL,
  organisation TEXT NOT NULL,
  kind TEXT NOT NULL,
  grant_id TEXT REFERENCES grants (id),
  about TEXT NOT NULL,
  sealed {blob},
  asked_at {int} NOT NULL,
  answered_at {int},
  outcome TEXT,
  reply {blob}
) {strict};
CREATE INDEX demands_of_citizen ON demands (citizen, asked_at);
CREATE INDEX demands_of_client ON demands (client, asked_at, id);

CREATE TABLE misgivings (
  use_id TEXT PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  organisation TEXT NOT NULL,
  purpose TEXT NOT NULL,
  template TEXT NOT NULL,
  week {int} NOT NULL,
  at {int} NOT NULL
) {strict};
CREATE INDEX misgivings_of_week ON misgivings (week, organisation, purpose, template);
CREATE INDEX misgivings_of_citizen ON misgivings (citizen);

-- A week is counted once, when it is over, and never again: a second count could tell who left in between.
CREATE TABLE counted_weeks (
  week {int} PRIMARY KEY,
  at {int} NOT NULL
) {strict};

CREATE TABLE misgiving_counts (
  week {int} NOT NULL,
  organisation TEXT NOT NULL,
  purpose TEXT NOT NULL,
  template TEXT NOT NULL,
  people {int} NOT NULL,
  PRIMARY KEY (week, organisation, purpose, template)
) {strict};

-- A signal may now be about a demand instead of a grant, and the list of events stands in one place only: the code.
CREATE TABLE told_signals (
  id TEXT PRIMARY KEY,
  client TEXT NOT NULL,
  grant_id TEXT NOT NULL,
  event TEXT NOT NULL,
  attributes TEXT NOT NULL,
  at {int} NOT NULL,
  next_try {int},
  tries {int} NOT NULL,
  failure TEXT,
  delivered_at {int},
  dead_at {int},
  acknowledged_at {int},
  acknowledged_idx {int}
) {strict};
INSERT INTO told_signals
  (id, client, grant_id, event, attributes, at, next_try, tries, failure, delivered_at, dead_at, acknowledged_at,
   acknowledged_idx)
SELECT id, client, grant_id, event, attributes, at, next_try, tries, failure, delivered_at, dead_at, acknowledged_at,
  acknowledged_idx
FROM signals;
DROP TABLE signals;
ALTER TABLE told_signals RENAME TO signals;
CREATE INDEX signals_to_send ON signals (client, next_try) WHERE next_try IS NOT NULL;
CREATE INDEX signals_of_grant ON signals (grant_id, at);
CREATE INDEX signals_unanswered ON signals (at) WHERE acknowledged_at IS NULL;
CREATE INDEX signals_answered ON signals (acknowledged_at) WHERE acknowledged_at IS NOT NULL;
