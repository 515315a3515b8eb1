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

-- name: demand.get
SELECT id, citizen, client, organisation, kind, grant_id, about, sealed, asked_at, answered_at, outcome, reply
FROM demands
WHERE id = $1;

-- name: demand.open_of_client
-- What is stated to be gone is answered.
SELECT id, citizen, client, organisation, kind, grant_id, about, sealed, asked_at, answered_at, outcome, reply
FROM demands
WHERE client = $1 AND answered_at IS NULL
  AND (kind <> 'erase' OR NOT EXISTS (
    SELECT 1 FROM deletions WHERE deletions.grant_id = demands.grant_id AND deletions.scope = 'all'
  ))
ORDER BY asked_at, id
LIMIT $2;

-- name: misgiving.get
SELECT use_id, citizen, organisation, purpose, template, week, at
FROM misgivings
WHERE use_id = $1;

-- name: misgiving.put
INSERT INTO misgivings
  (use_id, citizen, organisation, purpose, template, week, at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (use_id) DO NOTHING;

-- name: misgiving.uncounted
SELECT DISTINCT week
FROM misgivings
WHERE week <= $1 AND week NOT IN (SELECT week FROM counted_weeks);

-- name: misgiving.people
-- People, not taps: whoever says it ten times is one.
SELECT organisation, purpose, template, count(DISTINCT citizen)
FROM misgivings
WHERE week = $1
GROUP BY organisation, purpose, template;

-- name: misgiving.all_of
SELECT use_id, citizen, organisation, purpose, template, week, at
FROM misgivings
WHERE citizen = $1
ORDER BY at;

-- name: counted_week.get
SELECT week, at
FROM counted_weeks
WHERE week = $1;

-- name: counted_week.put
INSERT INTO counted_weeks (week, at)
VALUES ($1, $2)
ON CONFLICT (week) DO NOTHING;

-- name: misgiving_count.put
INSERT INTO misgiving_counts (week, organisation, purpose, template, people)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (week, organisation, purpose, template) DO NOTHING;

-- name: misgiving_count.of_organisation
SELECT week, organisation, purpose, template, people
FROM misgiving_counts
WHERE organisation = $1
ORDER BY week DESC, purpose, template
LIMIT $2;

-- name: wipe.misgivings
DELETE FROM misgivings WHERE citizen = $1;

-- name: value.forget
-- What she had before: all versions but the newest.
DELETE FROM sealed_values
WHERE citizen = $1 AND name = $2
  AND version < (SELECT max(v.version) FROM sealed_values v WHERE v.citizen = $1 AND v.name = $2);

-- name: value.of_name
SELECT citizen, name, version, key_version, sealed, commitment, source, as_of, created_at, removed
FROM sealed_values
WHERE citizen = $1 AND name = $2
ORDER BY version DESC;
