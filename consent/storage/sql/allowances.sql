-- How often somebody knocked in this minute.

-- name: allowance.get
SELECT hash, since, used
FROM allowances
WHERE hash = $1;

-- name: allowance.put
INSERT INTO allowances
  (hash, since, used)
VALUES ($1, $2, $3)
ON CONFLICT (hash) DO UPDATE SET
  since = excluded.since,
  used = excluded.used;

-- name: tidy.allowances
DELETE FROM allowances WHERE since < $1;
