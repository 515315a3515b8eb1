-- Case numbers: what was asked under them, and who looked.

-- name: case.put
INSERT INTO cases
  (request, hash, asked_at)
VALUES ($1, $2, $3);

-- name: case.newest
SELECT request, hash, asked_at
FROM cases
WHERE hash = $1
ORDER BY asked_at DESC, request
LIMIT 1;

-- name: case_look.get
SELECT request, member, day, citizen, organisation, at, count
FROM case_looks
WHERE request = $1 AND member = $2 AND day = $3;

-- name: case_look.put
INSERT INTO case_looks
  (request, member, day, citizen, organisation, at, count)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (request, member, day) DO UPDATE SET
  at = excluded.at, count = excluded.count;

-- name: case_look.of_citizen
SELECT request, member, day, citizen, organisation, at, count
FROM case_looks
WHERE citizen = $1
ORDER BY at DESC
LIMIT $2;

-- name: wipe.cases
DELETE FROM cases WHERE request IN (SELECT id FROM requests WHERE citizen = $1);

-- name: wipe.case_looks
DELETE FROM case_looks WHERE citizen = $1;

-- name: tidy.cases
DELETE FROM cases
WHERE asked_at < $1 AND NOT EXISTS (SELECT 1 FROM requests WHERE requests.id = cases.request);
