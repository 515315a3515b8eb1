-- name: signal.get
SELECT id, client, grant_id, event, attributes, at, next_try, tries, failure, delivered_at, dead_at,
  acknowledged_at, acknowledged_idx
FROM signals
WHERE id = $1;

-- name: signal.put
INSERT INTO signals
  (id, client, grant_id, event, attributes, at, next_try, tries, failure, delivered_at, dead_at,
   acknowledged_at, acknowledged_idx)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (id) DO UPDATE SET
  next_try = excluded.next_try, tries = excluded.tries, failure = excluded.failure, delivered_at =
  excluded.delivered_at, dead_at = excluded.dead_at, acknowledged_at = excluded.acknowledged_at,
  acknowledged_idx = excluded.acknowledged_idx;

-- name: errand.waiting
SELECT (SELECT count(*) FROM signals WHERE next_try IS NOT NULL),
  (SELECT count(*) FROM notices WHERE mail_at IS NOT NULL);

-- name: signal.clients_due
-- Whoever waits longest comes first.
SELECT client
FROM signals
WHERE next_try <= $1
GROUP BY client
ORDER BY min(next_try)
LIMIT $2;

-- name: signal.next_of_client
SELECT id, client, grant_id, event, attributes, at, next_try, tries, failure, delivered_at, dead_at,
  acknowledged_at, acknowledged_idx
FROM signals
WHERE client = $1 AND next_try <= $2
ORDER BY next_try, at
LIMIT 1;

-- name: signal.put_off
-- An endpoint that does not answer is left alone for a while, whatever else waits for it.
UPDATE signals
SET next_try = $2
WHERE client = $1 AND next_try < $2;

-- name: signal.unsent
-- One that was never tried: what it would say again need not be said twice.
SELECT id, client, grant_id, event, attributes, at, next_try, tries, failure, delivered_at, dead_at,
  acknowledged_at, acknowledged_idx
FROM signals
WHERE grant_id = $1 AND event = $2 AND tries = 0 AND next_try IS NOT NULL;

-- name: signal.of_grant
SELECT id, client, grant_id, event, attributes, at, next_try, tries, failure, delivered_at, dead_at,
  acknowledged_at, acknowledged_idx
FROM signals
WHERE grant_id = $1
ORDER BY at DESC;

-- name: signal.of_citizen
SELECT s.id, s.client, s.grant_id, s.event, s.attributes, s.at, s.next_try, s.tries, s.failure,
  s.delivered_at, s.dead_at, s.acknowledged_at, s.acknowledged_idx
FROM signals s
JOIN grants g ON g.id = s.grant_id
WHERE g.citizen = $1 AND s.acknowledged_at IS NOT NULL;

-- name: tidy.signals
DELETE FROM signals WHERE acknowledged_at < $1;

-- name: signal.unanswered
SELECT id, client, grant_id, event, attributes, at, next_try, tries, failure, delivered_at, dead_at,
  acknowledged_at, acknowledged_idx
FROM signals
WHERE acknowledged_at IS NULL AND at <= $1
ORDER BY at
LIMIT $2;

-- name: deletion.get
SELECT grant_id, scope, statement, jwks, deleted_at, stated_at, log, idx
FROM deletions
WHERE grant_id = $1 AND scope = $2;

-- name: deletion.put
INSERT INTO deletions
  (grant_id, scope, statement, jwks, deleted_at, stated_at, log, idx)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: deletion.of_grant
SELECT grant_id, scope, statement, jwks, deleted_at, stated_at, log, idx
FROM deletions
WHERE grant_id = $1
ORDER BY stated_at;

-- name: deletion.owed
-- Ended grants under which something went out and nothing was stated: what the organisation still holds, for all we know.
SELECT id, client, purpose, purpose_version, ended_at
FROM grants
WHERE state <> 'live' AND day > 0 AND ended_at <= $1
  AND NOT EXISTS (SELECT 1 FROM deletions WHERE deletions.grant_id = grants.id)
ORDER BY ended_at
LIMIT $2;

-- name: dropped.put
INSERT INTO dropped
  (grant_id, version, attributes, dropped_at, given_at, scope, statement, jwks, deleted_at, stated_at, log, idx)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (grant_id, version) DO UPDATE SET
  attributes = excluded.attributes, scope = excluded.scope, statement = excluded.statement, jwks = excluded.jwks,
  deleted_at = excluded.deleted_at, stated_at = excluded.stated_at, log = excluded.log, idx = excluded.idx;

-- name: dropped.of_grant
SELECT grant_id, version, attributes, dropped_at, given_at, scope, statement, jwks, deleted_at, stated_at, log, idx
FROM dropped
WHERE grant_id = $1
ORDER BY version;

-- name: dropped.owed
-- Once the whole is stated to be gone, its parts are. An empty list of names, two characters, owes nothing.
SELECT d.grant_id, g.client, g.purpose, g.purpose_version, d.dropped_at
FROM dropped d
JOIN grants g ON g.id = d.grant_id
WHERE d.stated_at IS NULL AND length(d.attributes) > 2 AND d.dropped_at <= $1
  AND d.grant_id NOT IN (SELECT grant_id FROM deletions)
ORDER BY d.dropped_at
LIMIT $2;

-- name: disclosed.of_name
-- The newest disclosure of one attribute; $2 is the beginning of its item as it is written: ["name",
SELECT d.id, d.grant_id, d.client, d.citizen, d.log, d.idx, d.items, d.at
FROM grants g
JOIN citizen_entries e ON e.citizen = g.citizen AND e.grant_id = g.id
JOIN disclosures d ON d.log = e.log AND d.idx = e.idx
WHERE g.id = $1 AND d.items LIKE $2
ORDER BY d.at DESC, d.idx DESC
LIMIT 1;
