-- name: schema.applied
SELECT version, sha256
FROM schema_migrations
ORDER BY version;

-- name: head.get
SELECT log, origin, size, at, epoch, frozen, note
FROM log_heads
WHERE log = $1;

-- name: entry.get
SELECT log, idx, leaf
FROM log_entries
WHERE log = $1 AND idx = $2;

-- name: entry.put
INSERT INTO log_entries
  (log, idx, leaf)
VALUES ($1, $2, $3);

-- name: opening.get
SELECT log, idx, organisation, at, consent_key, audit_key, record
FROM log_openings
WHERE log = $1 AND idx = $2;

-- name: opening.put
INSERT INTO log_openings
  (log, idx, organisation, at, consent_key, audit_key, record)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: citizen_entry.get
SELECT citizen, log, idx, grant_id, nonce, sealed
FROM citizen_entries
WHERE citizen = $1 AND log = $2 AND idx = $3;

-- name: citizen_entry.put
INSERT INTO citizen_entries
  (citizen, log, idx, grant_id, nonce, sealed)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: head.lock
-- The lock: whoever holds this row writes. On SQLite BEGIN IMMEDIATE has already taken the only write lock.
SELECT log, origin, size, at, epoch, frozen, note
FROM log_heads
WHERE log = $1;

-- name: head.new
INSERT INTO log_heads (log, origin, size, at, epoch, frozen, note)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: head.move
-- Compare and swap: a writer that lost its lock moves nothing.
UPDATE log_heads
SET size = $1, at = $2, note = $3
WHERE log = $4 AND size = $5 AND epoch = $6 AND frozen = 0
RETURNING size;

-- name: head.turn
-- The same when a key of the log changes: whoever still has the old one is of an earlier epoch.
UPDATE log_heads
SET size = $1, at = $2, note = $3, epoch = epoch + 1
WHERE log = $4 AND size = $5 AND epoch = $6 AND frozen = 0
RETURNING size;

-- name: head.stop
UPDATE log_heads
SET frozen = $2
WHERE log = $1 AND frozen = 0;

-- name: head.stop_all
UPDATE log_heads
SET frozen = $1
WHERE frozen = 0;

-- name: head.all
SELECT log, origin, size, at, epoch, frozen, note
FROM log_heads
ORDER BY log;

-- name: tile.get
SELECT level, n, data
FROM log_tiles
WHERE log = $1 AND level = $2 AND n = $3;

-- name: tile.of_proof
-- Up to eight at once, which is more than the proof of one entry needs below 2^32 entries. The log stands in each part,
-- or SQLite would read all tiles of the log.
SELECT level, n, data
FROM log_tiles
WHERE (log = $1 AND level = $2 AND n = $3)
  OR (log = $1 AND level = $4 AND n = $5)
  OR (log = $1 AND level = $6 AND n = $7)
  OR (log = $1 AND level = $8 AND n = $9)
  OR (log = $1 AND level = $10 AND n = $11)
  OR (log = $1 AND level = $12 AND n = $13)
  OR (log = $1 AND level = $14 AND n = $15)
  OR (log = $1 AND level = $16 AND n = $17);

-- name: tile.put
INSERT INTO log_tiles (log, level, n, data)
VALUES ($1, $2, $3, $4)
ON CONFLICT (log, level, n) DO UPDATE SET data = excluded.data;

-- name: checkpoint.put
INSERT INTO log_checkpoints (log, size, note, at)
VALUES ($1, $2, $3, $4);

-- name: entry.range
SELECT idx, leaf
FROM log_entries
WHERE log = $1 AND idx >= $2 AND idx < $3
ORDER BY idx;

-- name: opening.grants_in_period
SELECT DISTINCT consent_key
FROM log_openings
WHERE log = $1 AND organisation = $2 AND at >= $3 AND at < $4;

-- name: opening.of_organisation
SELECT log, idx, organisation, at, consent_key, audit_key, record
FROM log_openings
WHERE log = $1 AND organisation = $2 AND at < $3 AND idx > $4
ORDER BY idx
LIMIT $5;

-- name: citizen_entry.of_citizen
-- Before a place, newest first. An entry that opens without an organisation may yet be about the one she looks for.
SELECT e.log, e.idx, e.grant_id, o.record, o.at
FROM citizen_entries e
JOIN log_openings o ON o.log = e.log AND o.idx = e.idx
WHERE e.citizen = $1 AND (o.at, e.log, e.idx) < ($2, $3, $4)
  AND ($5 = '' OR o.organisation = $5 OR o.organisation IS NULL)
ORDER BY o.at DESC, e.log DESC, e.idx DESC
LIMIT $6;

-- name: citizen_entry.of_ending
-- The record that ended a grant: the entry of that very instant.
SELECT o.record
FROM citizen_entries e
JOIN log_openings o ON o.log = e.log AND o.idx = e.idx
WHERE e.citizen = $1 AND e.grant_id = $2 AND o.at = $3;

-- name: cosignature.put
-- The same key may sign the same size again, at a later time.
INSERT INTO log_cosignatures (log, size, key, line, at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (log, size, key) DO UPDATE SET line = excluded.line, at = excluded.at;

-- name: cosignature.of_size
SELECT key, line, at
FROM log_cosignatures
WHERE log = $1 AND size = $2
ORDER BY at, key;

-- name: cosignature.fade
-- Lines of one key that a later one of it replaces; where others have signed too they stay together.
DELETE FROM log_cosignatures
WHERE log = $1 AND key = $2 AND size < $3 AND at < $4
  AND NOT EXISTS (SELECT 1 FROM log_cosignatures o
                  WHERE o.log = $1 AND o.size = log_cosignatures.size AND o.key <> $2);

-- name: checkpoint.cosigned
SELECT c.size, c.note
FROM log_cosignatures s
JOIN log_checkpoints c ON c.log = s.log AND c.size = s.size
WHERE s.log = $1 AND s.key = $2
ORDER BY s.size DESC
LIMIT 1;

-- name: witnessed.get
SELECT log, size, at
FROM log_witnessed
WHERE log = $1;

-- name: witnessed.put
INSERT INTO log_witnessed (log, size, at)
VALUES ($1, $2, $3)
ON CONFLICT (log) DO UPDATE SET size = excluded.size, at = excluded.at
WHERE excluded.size > log_witnessed.size;

-- name: witnessed.fade
-- Lines under checkpoints that a later witnessed one has replaced.
DELETE FROM log_cosignatures
WHERE log = $1 AND size < $2 AND at < $3;

-- name: witnessed.checkpoint
SELECT c.size, c.note
FROM log_witnessed w
JOIN log_checkpoints c ON c.log = w.log AND c.size = w.size
WHERE w.log = $1;

-- name: log_key.put
INSERT INTO log_keys (log, key, added, retired, lost)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (log, key) DO UPDATE SET retired = excluded.retired, lost = excluded.lost;

-- name: log_key.of_log
SELECT log, key, added, retired, lost
FROM log_keys
WHERE log = $1
ORDER BY added, key;

-- name: citizen_entry.all
SELECT e.log, e.idx
FROM citizen_entries e
JOIN log_openings o ON o.log = e.log AND o.idx = e.idx
WHERE e.citizen = $1
ORDER BY e.log, e.idx;

-- name: citizen_entry.openings
-- From a place in the order on, so that a long life is read in pieces.
SELECT e.log, e.idx, e.nonce, e.sealed, o.consent_key, o.audit_key, o.record
FROM citizen_entries e
JOIN log_openings o ON o.log = e.log AND o.idx = e.idx
WHERE e.citizen = $1 AND e.log = $2 AND e.idx > $3
ORDER BY e.idx
LIMIT $4;

-- name: cosignature.newest
SELECT size, at
FROM log_cosignatures
WHERE log = $1 AND key = $2
ORDER BY size DESC
LIMIT 1;

-- name: entry.controls
-- Longer than an event (152 bytes): what the log says about itself. An index has these alone.
SELECT idx, leaf
FROM log_entries
WHERE log = $1 AND idx >= $2 AND length(leaf) > 152
ORDER BY idx
LIMIT $3;

-- name: entry.controls_before
SELECT idx
FROM log_entries
WHERE log = $1 AND idx < $2 AND length(leaf) > 152
ORDER BY idx DESC
LIMIT $3;

-- name: entry.control_until
SELECT log, idx, leaf
FROM log_entries
WHERE log = $1 AND idx <= $2 AND length(leaf) > 152
ORDER BY idx DESC
LIMIT 1;

-- name: entry.control_from
SELECT log, idx, leaf
FROM log_entries
WHERE log = $1 AND idx >= $2 AND length(leaf) > 152
ORDER BY idx
LIMIT 1;
