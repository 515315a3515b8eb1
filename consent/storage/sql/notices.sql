-- name: notice.put
-- One that is there already (the same thing told twice) stays as it is.
INSERT INTO notices
  (id, citizen, kind, who, about, organisation, at, mail_at, tries, sent_at, read_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (id) DO NOTHING;

-- name: notice.get
SELECT id, citizen, kind, who, about, organisation, at, mail_at, tries, sent_at, read_at
FROM notices
WHERE id = $1;

-- name: notice.mail
UPDATE notices SET mail_at = $2, tries = $3, sent_at = $4 WHERE id = $1;

-- name: notice.read
UPDATE notices SET read_at = $2 WHERE citizen = $1 AND read_at IS NULL AND at <= $3;

-- name: notice.count_new
SELECT COUNT(*) FROM notices WHERE citizen = $1 AND read_at IS NULL;

-- name: notice.due
SELECT id, citizen, kind, who, about, organisation, at, mail_at, tries, sent_at, read_at
FROM notices
WHERE mail_at <= $1
ORDER BY mail_at, id
LIMIT $2;

-- name: notice.mailed
SELECT id, citizen, kind, who, about, organisation, at, mail_at, tries, sent_at, read_at
FROM notices
WHERE citizen = $1 AND at > $2 AND sent_at > $3;

-- name: notice.newest
SELECT id, citizen, kind, who, about, organisation, at, mail_at, tries, sent_at, read_at
FROM notices
WHERE citizen = $1
ORDER BY at DESC, id
LIMIT $2;

-- name: grant.nearly_over
SELECT id, citizen, organisation, client, purpose, purpose_version, attributes, language, terms,
  granted_at, expires_at, state, ended_at, log, idx, nonce, sequence, last, day, disclosed_today,
  version, given_by, acr, signed_in_at
FROM grants
WHERE state = 'live' AND expires_at > $1 AND expires_at <= $2 AND expires_at - granted_at > $3
  AND NOT EXISTS (
    SELECT 1
    FROM notices
    WHERE notices.about = grants.id AND notices.kind = 'nearly_over' AND notices.at > grants.expires_at - $4
  )
ORDER BY expires_at, id
LIMIT $5;

-- name: tidy.notices
DELETE FROM notices WHERE at < $1;

-- name: wipe.notices
DELETE FROM notices WHERE citizen = $1;
