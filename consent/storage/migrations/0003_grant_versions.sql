-- A running grant can be changed and stays the same grant: which version holds, what held before, and who gave it.

ALTER TABLE grants ADD COLUMN version {int} NOT NULL DEFAULT 1;
ALTER TABLE grants ADD COLUMN given_by TEXT NOT NULL DEFAULT 'self'
  CHECK (given_by IN ('self', 'helper', 'guardian', 'clerk'));

-- A request that wants to change a grant is about that grant in that version and about no other.
ALTER TABLE requests ADD COLUMN amends TEXT;
ALTER TABLE requests ADD COLUMN amends_version {int};

-- What a grant was from one instant on, until its next version or its end. Written once, never changed.
CREATE TABLE grant_versions (
  grant_id TEXT NOT NULL REFERENCES grants (id),
  version {int} NOT NULL,
  from_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  purpose_version {int} NOT NULL,
  attributes TEXT NOT NULL,
  language TEXT NOT NULL,
  terms TEXT NOT NULL,
  given_by TEXT NOT NULL CHECK (given_by IN ('self', 'helper', 'guardian', 'clerk')),
  helper TEXT,
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  PRIMARY KEY (grant_id, version)
) {strict};

INSERT INTO grant_versions
  (grant_id, version, from_at, expires_at, purpose_version, attributes, language, terms, given_by, helper, log, idx)
SELECT id, 1, granted_at, expires_at, purpose_version, attributes, language, terms, 'self', NULL, log, idx
FROM grants;
