-- What a change took out of a running grant after it had been given out: it has to be gone at the organisation, which
-- states that. A name that comes back in a later change is taken out of its row.
CREATE TABLE dropped (
  grant_id TEXT NOT NULL REFERENCES grants (id),
  version {int} NOT NULL,
  attributes TEXT NOT NULL,
  dropped_at {int} NOT NULL,
  given_at {int} NOT NULL,
  scope TEXT CHECK (scope IN ('all', 'all_but_legal_duty')),
  statement TEXT,
  jwks TEXT,
  deleted_at {int},
  stated_at {int},
  log TEXT,
  idx {int},
  PRIMARY KEY (grant_id, version)
) {strict};
CREATE INDEX dropped_unanswered ON dropped (dropped_at) WHERE stated_at IS NULL;
