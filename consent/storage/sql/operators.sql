-- name: registration.all
SELECT client, organisation, token, state, revision, submitted, approved, note, registered_at,
  submitted_at, decided_at
FROM registrations
ORDER BY client;

-- name: proposal.all
SELECT id, version, organisation, record, state, note, submitted_at, decided_at
FROM proposals
ORDER BY id, version;

-- name: operator.get
SELECT hash, operator, scopes, created_at, expires_at, ended_at
FROM operators
WHERE hash = $1;

-- name: operator.put
INSERT INTO operators
  (hash, operator, scopes, created_at, expires_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (hash) DO UPDATE SET
  ended_at = excluded.ended_at;

-- name: operator.of_name
SELECT hash, operator, scopes, created_at, expires_at, ended_at
FROM operators
WHERE operator = $1;

-- name: journal.put
INSERT INTO journal
  (id, at, operator, act, kind, subject, note)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: journal.newest
SELECT id, at, operator, act, kind, subject, note
FROM journal
ORDER BY at DESC, id DESC
LIMIT $1;

-- name: initial_token.get
SELECT hash, organisation, given_by, created_at, expires_at, remaining
FROM initial_tokens
WHERE hash = $1;

-- name: initial_token.put
INSERT INTO initial_tokens
  (hash, organisation, given_by, created_at, expires_at, remaining)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (hash) DO UPDATE SET
  remaining = excluded.remaining;

-- name: registration.get
SELECT client, organisation, token, state, revision, submitted, approved, note, registered_at,
  submitted_at, decided_at
FROM registrations
WHERE client = $1;

-- name: registration.put
INSERT INTO registrations
  (client, organisation, token, state, revision, submitted, approved, note, registered_at,
   submitted_at, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (client) DO UPDATE SET
  token = excluded.token, state = excluded.state, revision = excluded.revision, submitted =
  excluded.submitted, approved = excluded.approved, note = excluded.note, submitted_at =
  excluded.submitted_at, decided_at = excluded.decided_at;

-- name: proposal.get
SELECT id, version, organisation, record, state, note, submitted_at, decided_at
FROM proposals
WHERE id = $1 AND version = $2;

-- name: proposal.put
INSERT INTO proposals
  (id, version, organisation, record, state, note, submitted_at, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id, version) DO UPDATE SET
  state = excluded.state, note = excluded.note, decided_at = excluded.decided_at;

-- name: proposal.versions
SELECT id, version, organisation, record, state, note, submitted_at, decided_at
FROM proposals
WHERE id = $1;

-- name: proposal.pending
SELECT id, version, organisation, record, state, note, submitted_at, decided_at
FROM proposals
WHERE organisation = $1 AND state = 'pending';

-- name: registration.waiting
SELECT client, organisation, token, state, revision, submitted, approved, note, registered_at,
  submitted_at, decided_at
FROM registrations
WHERE organisation = $1 AND state = 'pending';
