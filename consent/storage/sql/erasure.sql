-- name: erasure.get
SELECT hash, citizen, shadow, asked_at, final_at, erased_at, complete_at, log, idx
FROM erasures
WHERE hash = $1;

-- name: erasure.put
INSERT INTO erasures
  (hash, citizen, shadow, asked_at, final_at, erased_at, complete_at, log, idx)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (hash) DO UPDATE SET
  citizen = excluded.citizen, shadow = excluded.shadow, erased_at = excluded.erased_at, complete_at =
  excluded.complete_at, log = excluded.log, idx = excluded.idx;

-- name: erasure.due
SELECT hash, citizen, shadow, asked_at, final_at, erased_at, complete_at, log, idx
FROM erasures
WHERE complete_at IS NULL AND erased_at IS NULL AND final_at <= $1
ORDER BY final_at
LIMIT $2;

-- name: erasure.to_scrub
SELECT hash, citizen, shadow, asked_at, final_at, erased_at, complete_at, log, idx
FROM erasures
WHERE complete_at IS NULL AND erased_at IS NOT NULL;

-- name: erasure.final
-- Whoever was erased, for restoring a backup from before: only hashes.
SELECT shadow, erased_at
FROM erasures
WHERE erased_at IS NOT NULL;

-- name: erasure.count
SELECT count(*) FROM erasures WHERE erased_at IS NOT NULL;

-- name: erasure.take_back
DELETE FROM erasures WHERE hash = $1 AND erased_at IS NULL;

-- name: planned_ending.put
INSERT INTO planned_endings
  (grant_id, due_at)
VALUES ($1, $2)
ON CONFLICT (grant_id) DO UPDATE SET
  due_at = excluded.due_at;

-- name: planned_ending.due
SELECT grant_id, due_at
FROM planned_endings
WHERE due_at <= $1
ORDER BY due_at
LIMIT $2;

-- name: planned_ending.of_citizen
SELECT grant_id, due_at
FROM planned_endings
WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: planned_ending.done
DELETE FROM planned_endings WHERE grant_id = $1;

-- name: session.end_of_citizen
UPDATE sessions
SET ended_at = $2
WHERE citizen = $1 AND ended_at IS NULL;

-- name: citizen.ids
SELECT id
FROM citizens
WHERE id > $1
ORDER BY id
LIMIT $2;

-- name: wipe.memos
DELETE FROM memos
WHERE disclosure IN (
  SELECT d.id
  FROM citizen_entries e
  JOIN disclosures d ON d.log = e.log AND d.idx = e.idx
  WHERE e.citizen = $1
);

-- name: wipe.disclosures
DELETE FROM disclosures WHERE (log, idx) IN (SELECT log, idx FROM citizen_entries WHERE citizen = $1);

-- name: wipe.uses
DELETE FROM uses WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: wipe.refusals
DELETE FROM refusals WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: wipe.signals
DELETE FROM signals
WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1) OR grant_id IN (SELECT id FROM demands WHERE citizen = $1);

-- name: wipe.deletions
DELETE FROM deletions WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: wipe.dropped
DELETE FROM dropped WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: wipe.planned_endings
DELETE FROM planned_endings WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: wipe.preferences
DELETE FROM preferences WHERE citizen = $1;

-- name: wipe.stop_codes
DELETE FROM stop_codes WHERE citizen = $1;

-- name: wipe.codes
DELETE FROM codes WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: wipe.tokens
DELETE FROM tokens WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: wipe.grant_versions
DELETE FROM grant_versions WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: wipe.requests
DELETE FROM requests
WHERE citizen = $1 OR amends IN (SELECT id FROM grants WHERE citizen = $1);

-- name: wipe.grants
DELETE FROM grants WHERE citizen = $1;

-- name: wipe.sessions
DELETE FROM sessions WHERE citizen = $1;

-- name: wipe.passkeys
DELETE FROM passkeys WHERE citizen = $1;

-- name: wipe.links
DELETE FROM links WHERE citizen = $1 OR address IN (SELECT hash FROM ways WHERE citizen = $1);

-- name: wipe.ways
DELETE FROM ways WHERE citizen = $1;

-- name: wipe.personas
DELETE FROM personas WHERE citizen = $1;

-- name: wipe.values
DELETE FROM sealed_values WHERE citizen = $1;

-- name: wipe.holdings
DELETE FROM holdings WHERE citizen = $1;

-- name: wipe.entries
DELETE FROM citizen_entries WHERE citizen = $1;

-- name: wipe.keys
DELETE FROM citizen_keys WHERE citizen = $1;

-- name: wipe.erasure
DELETE FROM erasures WHERE citizen = $1;

-- name: wipe.citizen
DELETE FROM citizens WHERE id = $1;
