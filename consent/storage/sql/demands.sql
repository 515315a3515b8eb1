-- name: demand.put
INSERT INTO demands
  (id, citizen, client, organisation, kind, grant_id, about, sealed, asked_at, answered_at, outcome, reply)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO UPDATE SET
  answered_at = excluded.answered_at, outcome = excluded.outcome, reply = excluded.reply;

-- name: demand.of_citizen
SELECT id, citizen, client, organisation, kind, grant_id, about, sealed, asked_at, answered_at, outcome, reply
FROM demands
WHERE citizen = $1
ORDER BY asked_at DESC;

-- name: wipe.demands
DELETE FROM demands WHERE citizen = $1;
