-- Who may ask, before the operator has said yes, and what the operator did. What stands in organisations, clients and
-- purposes is approved; whatever still waits stands here, so that nothing that decides can take one for the other.

-- With one of these an organisation's developer registers clients (RFC 7591 section 1.2): so many, until then.
CREATE TABLE initial_tokens (
  hash {blob} PRIMARY KEY,
  organisation TEXT NOT NULL REFERENCES organisations (id),
  given_by TEXT NOT NULL,
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  remaining {int} NOT NULL
) {strict};

-- A client as its developer keeps it (RFC 7592): what was submitted last, and what the operator approved last.
CREATE TABLE registrations (
  client TEXT PRIMARY KEY,
  organisation TEXT NOT NULL REFERENCES organisations (id),
  token {blob} NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused', 'removed')),
  revision {int} NOT NULL,
  submitted {blob} NOT NULL,
  approved {blob},
  note TEXT NOT NULL,
  registered_at {int} NOT NULL,
  submitted_at {int} NOT NULL,
  decided_at {int}
) {strict};

-- A version of a purpose that an organisation proposed; once approved it is copied to purposes, to the byte.
CREATE TABLE proposals (
  id TEXT NOT NULL,
  version {int} NOT NULL,
  organisation TEXT NOT NULL REFERENCES organisations (id),
  record {blob} NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused')),
  note TEXT NOT NULL,
  submitted_at {int} NOT NULL,
  decided_at {int},
  PRIMARY KEY (id, version)
) {strict};
CREATE INDEX proposals_of_organisation ON proposals (organisation, state);

CREATE TABLE operators (
  hash {blob} PRIMARY KEY,
  operator TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  ended_at {int}
) {strict};

-- Every act of an operator: who, what, about whom, when. Rows are only ever added.
CREATE TABLE journal (
  id TEXT PRIMARY KEY,
  at {int} NOT NULL,
  operator TEXT NOT NULL,
  act TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  note TEXT NOT NULL
) {strict};
CREATE INDEX journal_by_time ON journal (at, id);

-- An organisation lists its own grants, oldest first.
CREATE INDEX grants_of_client ON grants (client, granted_at, id);
