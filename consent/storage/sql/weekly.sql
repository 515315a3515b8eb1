-- name: weekly.answers
SELECT organisation, answer, count(DISTINCT citizen)
FROM requests
WHERE answered_at >= $1 AND answered_at < $2
GROUP BY organisation, answer;

-- name: weekly.stops
SELECT organisation, count(DISTINCT citizen)
FROM grants
WHERE state = 'withdrawn' AND ended_at >= $1 AND ended_at < $2
GROUP BY organisation;

-- name: weekly.refusals
SELECT g.organisation, count(DISTINCT g.citizen)
FROM refusals r
JOIN grants g ON g.id = r.grant_id
WHERE r.day >= $1 AND r.day < $2
GROUP BY g.organisation;

-- name: weekly.add
INSERT INTO weekly_counts (organisation, week, name, people)
VALUES ($1, $2, $3, $4)
ON CONFLICT (organisation, week, name) DO NOTHING;

-- name: weekly.of_organisation
SELECT week, name, people
FROM weekly_counts
WHERE organisation = $1 AND week >= $2;

-- name: signal.standing
-- Per client: delivered, still to be sent, given up, and not acknowledged though it came at most at $2.
SELECT s.client, count(s.delivered_at), count(s.next_try), count(s.dead_at),
  count(CASE WHEN s.acknowledged_at IS NULL AND s.at <= $2 THEN 1 END)
FROM signals s
JOIN clients c ON c.id = s.client
WHERE c.organisation = $1
GROUP BY s.client;

-- name: journal.keys_replaced
SELECT subject, max(at)
FROM journal
WHERE kind = 'client' AND act = 'keys_replaced'
GROUP BY subject;
