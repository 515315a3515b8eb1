-- name: mandate.get
SELECT id, citizen, kind, may, organisations, show_special, sealed, code, code_until, given_at, expires_at, alone_at,
  helper, accepted_at, ended_at
FROM mandates
WHERE id = $1;

-- name: mandate.put
INSERT INTO mandates
  (id, citizen, kind, may, organisations, show_special, sealed, code, code_until, given_at, expires_at, alone_at,
   helper, accepted_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (id) DO UPDATE SET
  code = excluded.code, helper = excluded.helper, accepted_at = excluded.accepted_at, ended_at = excluded.ended_at;

-- name: mandate.with_code
SELECT id, citizen, kind, may, organisations, show_special, sealed, code, code_until, given_at, expires_at, alone_at,
  helper, accepted_at, ended_at
FROM mandates
WHERE code = $1;

-- name: mandate.of_citizen
SELECT id, citizen, kind, may, organisations, show_special, sealed, code, code_until, given_at, expires_at, alone_at,
  helper, accepted_at, ended_at
FROM mandates
WHERE citizen = $1
ORDER BY given_at DESC, id;

-- name: mandate.of_helper
SELECT id, citizen, kind, may, organisations, show_special, sealed, code, code_until, given_at, expires_at, alone_at,
  helper, accepted_at, ended_at
FROM mandates
WHERE helper = $1
ORDER BY accepted_at DESC, id;

-- name: mandate.lapsed
SELECT id, citizen, kind, may, organisations, show_special, sealed, code, code_until, given_at, expires_at, alone_at,
  helper, accepted_at, ended_at
FROM mandates
WHERE ended_at IS NULL AND expires_at <= $1
ORDER BY expires_at
LIMIT $2;

-- name: wipe.mandates
DELETE FROM mandates WHERE citizen = $1;

-- name: wipe.helped
-- What somebody else gave him stays hers, without him.
UPDATE mandates
SET helper = NULL
WHERE helper = $1;
