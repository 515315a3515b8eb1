-- name: citizen.get
SELECT id, status, created_at
FROM citizens
WHERE id = $1;

-- name: citizen.put
INSERT INTO citizens
  (id, status, created_at)
VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET
  status = excluded.status;

-- name: keys.get
SELECT citizen, version, ring_key, data_key, subject_key, bucket
FROM citizen_keys
WHERE citizen = $1;

-- name: keys.put
INSERT INTO citizen_keys
  (citizen, version, ring_key, data_key, subject_key, bucket)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (citizen) DO UPDATE SET
  version = excluded.version, ring_key = excluded.ring_key, data_key = excluded.data_key,
  subject_key = excluded.subject_key, bucket = excluded.bucket;

-- name: keys.of_buckets
SELECT citizen, bucket
FROM citizen_keys
WHERE citizen > $1
ORDER BY citizen
LIMIT $2;

-- name: keys.outdated
-- Wrapped with another key of the ring than $1.
SELECT citizen
FROM citizen_keys
WHERE ring_key <> $1 AND citizen > $2
ORDER BY citizen
LIMIT $3;

-- name: keys.rewrap
-- Never an INSERT: whoever was erased meanwhile must not come back.
UPDATE citizen_keys
SET ring_key = $2, data_key = $3, subject_key = $4
WHERE citizen = $1 AND subject_key = $5;

-- name: keys.of_ring
SELECT ring_key, count(*)
FROM citizen_keys
GROUP BY ring_key
ORDER BY ring_key;

-- name: value.put
INSERT INTO sealed_values
  (citizen, name, version, key_version, sealed, commitment, source, as_of, created_at, removed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: session.get
SELECT hash, citizen, method, created_at, seen_at, expires_at, ended_at
FROM sessions
WHERE hash = $1;

-- name: session.put
INSERT INTO sessions
  (hash, citizen, method, created_at, seen_at, expires_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (hash) DO UPDATE SET
  seen_at = excluded.seen_at, ended_at = excluded.ended_at;

-- name: ceremony.get
SELECT hash, kind, challenge, user_handle, expires_at, used_at
FROM ceremonies
WHERE hash = $1;

-- name: ceremony.put
INSERT INTO ceremonies
  (hash, kind, challenge, user_handle, expires_at, used_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (hash) DO UPDATE SET
  used_at = excluded.used_at;

-- name: passkey.get
SELECT credential, citizen, public_key, sign_count, created_at, used_at, label
FROM passkeys
WHERE credential = $1;

-- name: passkey.put
INSERT INTO passkeys
  (credential, citizen, public_key, sign_count, created_at, used_at, label)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (credential) DO UPDATE SET
  sign_count = excluded.sign_count, used_at = excluded.used_at, label = excluded.label;

-- name: passkey.remove
DELETE FROM passkeys WHERE credential = $1;

-- name: way.get
SELECT hash, citizen, kind, sealed, created_at, used_at
FROM ways
WHERE hash = $1;

-- name: way.put
INSERT INTO ways
  (hash, citizen, kind, sealed, created_at, used_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (hash) DO UPDATE SET
  used_at = excluded.used_at;

-- name: way.of_citizen
SELECT hash, citizen, kind, sealed, created_at, used_at
FROM ways
WHERE citizen = $1
ORDER BY created_at;

-- name: name.any
SELECT hash FROM ways
UNION ALL
SELECT hash FROM stop_codes
LIMIT 1;

-- name: way.remove
DELETE FROM ways WHERE hash = $1;

-- name: link.get
SELECT hash, browser, address, sealed, citizen, expires_at, used_at
FROM links
WHERE hash = $1;

-- name: link.put
INSERT INTO links
  (hash, browser, address, sealed, citizen, expires_at, used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (hash) DO UPDATE SET
  used_at = excluded.used_at;

-- name: link.to_address
SELECT hash, browser, address, sealed, citizen, expires_at, used_at
FROM links
WHERE address = $1 AND expires_at > $2;

-- name: persona.get
SELECT id, citizen, label, description
FROM personas
WHERE id = $1;

-- name: persona.put
INSERT INTO personas
  (id, citizen, label, description)
VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET
  label = excluded.label, description = excluded.description;

-- name: value.newest
-- What holdings are put together from; a removed one says that she has none any more.
SELECT citizen, name, version, key_version, sealed, commitment, source, as_of, created_at, removed
FROM sealed_values
WHERE citizen = $1
  AND version = (SELECT max(v.version) FROM sealed_values v
                 WHERE v.citizen = sealed_values.citizen AND v.name = sealed_values.name)
ORDER BY name;

-- name: holdings.get
SELECT citizen, kept
FROM holdings
WHERE citizen = $1;

-- name: holdings.put
INSERT INTO holdings
  (citizen, kept)
VALUES ($1, $2)
ON CONFLICT (citizen) DO UPDATE SET kept = excluded.kept;

-- name: holdings.missing
-- Citizens of an older database, whose values are not in one row yet.
SELECT DISTINCT citizen
FROM sealed_values
WHERE citizen NOT IN (SELECT citizen FROM holdings)
LIMIT $1;

-- name: persona.all
SELECT id, citizen, label, description
FROM personas
ORDER BY id;

-- name: value.history
SELECT citizen, name, version, key_version, sealed, commitment, source, as_of, created_at, removed
FROM sealed_values
WHERE citizen = $1
ORDER BY name, version;

-- name: passkey.of_citizen
SELECT credential, citizen, public_key, sign_count, created_at, used_at, label
FROM passkeys
WHERE citizen = $1
ORDER BY created_at;

-- name: session.of_citizen
SELECT hash, citizen, method, created_at, seen_at, expires_at, ended_at
FROM sessions
WHERE citizen = $1
ORDER BY created_at;

-- name: session.end_others
UPDATE sessions
SET ended_at = $3
WHERE citizen = $1 AND hash <> $2 AND ended_at IS NULL;

-- name: persona.of_citizen
SELECT id, citizen, label, description
FROM personas
WHERE citizen = $1;

-- name: tidy.links
DELETE FROM links WHERE expires_at < $1;

-- name: stop_code.get
SELECT hash, grant_id, citizen, used_at, seen_at
FROM stop_codes
WHERE hash = $1;

-- name: stop_code.put
INSERT INTO stop_codes
  (hash, grant_id, citizen, used_at, seen_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (hash) DO UPDATE SET
  used_at = excluded.used_at, seen_at = excluded.seen_at;

-- name: stop_code.used_of_citizen
SELECT hash, grant_id, citizen, used_at, seen_at
FROM stop_codes
WHERE citizen = $1 AND used_at IS NOT NULL
ORDER BY used_at DESC;

-- name: stop_code.used_for
SELECT used_at
FROM stop_codes
WHERE grant_id = $1 AND used_at IS NOT NULL;

-- name: preferences.get
SELECT citizen, private, mail
FROM preferences
WHERE citizen = $1;

-- name: preferences.put
INSERT INTO preferences
  (citizen, private, mail)
VALUES ($1, $2, $3)
ON CONFLICT (citizen) DO UPDATE SET
  private = excluded.private, mail = excluded.mail;
