-- name: member.get
SELECT id, citizen, organisation, role, name, joined_at, ended_at
FROM members
WHERE id = $1;

-- name: member.put
INSERT INTO members
  (id, citizen, organisation, role, name, joined_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET
  ended_at = excluded.ended_at;

-- name: member.of_citizen
SELECT id, citizen, organisation, role, name, joined_at, ended_at
FROM members
WHERE citizen = $1
ORDER BY joined_at, id;

-- name: member.of_organisation
SELECT id, citizen, organisation, role, name, joined_at, ended_at
FROM members
WHERE organisation = $1
ORDER BY joined_at, id;

-- name: member.of_operator
SELECT id, citizen, organisation, role, name, joined_at, ended_at
FROM members
WHERE organisation IS NULL
ORDER BY joined_at, id;

-- name: member.end_of_citizen
UPDATE members
SET ended_at = $2
WHERE citizen = $1 AND ended_at IS NULL;

-- name: wipe.members
DELETE FROM members WHERE citizen = $1;

-- name: invitation.get
SELECT hash, organisation, role, name, given_by, created_at, expires_at, ended_at
FROM invitations
WHERE hash = $1;

-- name: invitation.put
INSERT INTO invitations
  (hash, organisation, role, name, given_by, created_at, expires_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (hash) DO UPDATE SET
  ended_at = excluded.ended_at;

-- name: invitation.of_organisation
SELECT hash, organisation, role, name, given_by, created_at, expires_at, ended_at
FROM invitations
WHERE organisation = $1 AND ended_at IS NULL AND expires_at > $2
ORDER BY created_at, name;

-- name: invitation.of_operator
SELECT hash, organisation, role, name, given_by, created_at, expires_at, ended_at
FROM invitations
WHERE organisation IS NULL AND ended_at IS NULL AND expires_at > $1
ORDER BY created_at, name;
