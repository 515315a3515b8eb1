-- name: watermark.all
SELECT log, below, at
FROM log_watermarks;

-- name: watermark.put
INSERT INTO log_watermarks
  (log, below, at)
VALUES ($1, $2, $3)
ON CONFLICT (log) DO UPDATE SET
  below = excluded.below, at = excluded.at;

-- name: checkpoint.size_before
SELECT max(size)
FROM log_checkpoints
WHERE log = $1 AND at < $2;

-- name: grant.first_running
-- Where the oldest grant began that has not ended yet, as far as it began below $2.
SELECT min(idx)
FROM grants
WHERE log = $1 AND state IN ('live', 'frozen') AND idx < $2;

-- name: opening.first_across
-- Where the oldest grant began that has entries on both sides of $2: an auditor gets a grant whole, or not at all.
SELECT min(began)
FROM (SELECT min(idx) AS began FROM log_openings WHERE log = $1 GROUP BY consent_key
      HAVING min(idx) < $2 AND max(idx) >= $2) AS across;

-- name: retain.any
SELECT 1
WHERE EXISTS (SELECT 1 FROM log_openings WHERE log = $1 AND idx < $2)
   OR EXISTS (SELECT 1 FROM disclosures WHERE log = $1 AND idx < $2);

-- name: retain.openings
DELETE FROM log_openings
WHERE log = $1 AND idx IN (SELECT idx FROM log_openings WHERE log = $1 AND idx < $2 ORDER BY idx LIMIT $3);

-- name: retain.memos
-- Of the disclosures that go next. A retry of what can no longer be opened is decided as if it were new.
DELETE FROM memos
WHERE disclosure IN (SELECT id FROM disclosures WHERE log = $1 AND idx < $2 ORDER BY idx LIMIT $3);

-- name: retain.disclosures
DELETE FROM disclosures
WHERE log = $1 AND idx IN (SELECT idx FROM disclosures WHERE log = $1 AND idx < $2 ORDER BY idx LIMIT $3);

-- name: retain.any_details
-- Of the people after $3 up to $4.
SELECT 1
FROM citizen_entries
WHERE log = $1 AND idx < $2 AND citizen > $3 AND citizen <= $4
LIMIT 1;

-- name: retain.details
DELETE FROM citizen_entries
WHERE (citizen, log, idx) IN (SELECT citizen, log, idx FROM citizen_entries
                              WHERE log = $1 AND idx < $2 AND citizen > $3 AND citizen <= $4 LIMIT $5);
