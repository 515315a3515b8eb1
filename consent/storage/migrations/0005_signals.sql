-- What organisations have to hear, written in the commit that made it true and sent afterwards; and what they state back.
-- A row waits for its next try; without one it was delivered, or given up (dead_at). An endpoint is a client's setting.

CREATE TABLE signals (
  id TEXT PRIMARY KEY,
  client TEXT NOT NULL,
  grant_id TEXT NOT NULL REFERENCES grants (id),
  event TEXT NOT NULL CHECK (event IN ('ended', 'amended', 'corrected', 'erased')),
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
CREATE INDEX signals_to_send ON signals (client, next_try) WHERE next_try IS NOT NULL;
CREATE INDEX signals_of_grant ON signals (grant_id, at);
CREATE INDEX signals_unanswered ON signals (at) WHERE acknowledged_at IS NULL;

-- Signed by the organisation, kept as it was signed, with the keys it was registered with then.
CREATE TABLE deletions (
  grant_id TEXT NOT NULL REFERENCES grants (id),
  scope TEXT NOT NULL CHECK (scope IN ('all', 'all_but_legal_duty')),
  statement TEXT NOT NULL,
  jwks TEXT NOT NULL,
  deleted_at {int} NOT NULL,
  stated_at {int} NOT NULL,
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  PRIMARY KEY (grant_id, scope)
) {strict};
