-- name: tallied.get
SELECT what, next
FROM tallied
WHERE what = $1;

-- name: tallied.put
INSERT INTO tallied (what, next)
VALUES ($1, $2)
ON CONFLICT (what) DO UPDATE SET next = excluded.next;

-- name: tally.add
INSERT INTO tallies (month, day, name, count)
VALUES ($1, $2, $3, $4)
ON CONFLICT (month, day, name) DO UPDATE SET count = tallies.count + excluded.count;

-- name: tally.openings
SELECT idx, record
FROM log_openings
WHERE log = $1 AND idx >= $2
ORDER BY idx
LIMIT $3;

-- name: tally.late
-- Disclosures of a stretch of the log that came after the end of their grant: there are none.
SELECT d.idx, d.at
FROM disclosures d
JOIN grants g ON g.id = d.grant_id
WHERE d.log = $1 AND d.idx >= $2 AND d.idx < $3 AND g.ended_at < d.at;

-- name: tally.declined
SELECT answered_at
FROM requests
WHERE answer = 'no' AND answered_at >= $1 AND answered_at < $2;

-- name: tally.months
SELECT month, name, SUM(count)
FROM tallies
WHERE day < $1
GROUP BY month, name
ORDER BY month, name;

-- name: checkpoint.at_most
-- The newest checkpoint of at most so many entries.
SELECT size, at, note
FROM log_checkpoints
WHERE log = $1 AND size <= $2
ORDER BY size DESC
LIMIT 1;
