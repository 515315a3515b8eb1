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
