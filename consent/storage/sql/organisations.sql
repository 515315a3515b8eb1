-- name: organisation.get
SELECT id, record, status
FROM organisations
WHERE id = $1;

-- name: organisation.put
INSERT INTO organisations
  (id, record, status)
VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET
  record = excluded.record, status = excluded.status;

-- name: client.get
SELECT id, organisation, name, jwks, redirect_uris, status, settings
FROM clients
WHERE id = $1;

-- name: client.put
INSERT INTO clients
  (id, organisation, name, jwks, redirect_uris, status, settings)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET
  name = excluded.name, jwks = excluded.jwks, redirect_uris = excluded.redirect_uris,
  status = excluded.status, settings = excluded.settings;

-- name: purpose.get
SELECT id, version, organisation, record, status
FROM purposes
WHERE id = $1 AND version = $2;

-- name: purpose.put
INSERT INTO purposes
  (id, version, organisation, record, status)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id, version) DO UPDATE SET
  status = excluded.status;

-- name: auditor.get
SELECT hash, auditor, organisation, from_at, until_at, reason, expires_at, ended_at
FROM auditors
WHERE hash = $1;

-- name: auditor.put
INSERT INTO auditors
  (hash, auditor, organisation, from_at, until_at, reason, expires_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (hash) DO UPDATE SET
  ended_at = excluded.ended_at;

-- name: auditor.of_name
SELECT hash, auditor, organisation, from_at, until_at, reason, expires_at, ended_at
FROM auditors
WHERE auditor = $1;

-- name: auditor.all
SELECT hash, auditor, organisation, from_at, until_at, reason, expires_at, ended_at
FROM auditors
ORDER BY expires_at DESC, auditor;

-- name: organisation.all
SELECT id, record, status
FROM organisations
ORDER BY id;

-- name: client.all
SELECT id, organisation, name, jwks, redirect_uris, status, settings
FROM clients
ORDER BY id;

-- name: purpose.all
SELECT id, version, organisation, record, status
FROM purposes
ORDER BY id, version;

-- name: purpose.versions
SELECT id, version, organisation, record, status
FROM purposes
WHERE id = $1;

-- name: organisation.suspended
SELECT id
FROM organisations
WHERE status = 'suspended'
ORDER BY id;

-- name: client.suspended
SELECT organisation, id
FROM clients
WHERE status = 'suspended'
ORDER BY id;

-- name: purpose.suspended
SELECT organisation, id, version
FROM purposes
WHERE status = 'suspended'
ORDER BY id, version;
