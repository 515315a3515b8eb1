-- name: request.get
SELECT id, reference, client, organisation, purpose, purpose_version, attributes, duration_days,
  redirect_uri, code_challenge, state, dpop_jkt, asked_at, expires_at, citizen, answered_at, answer,
  response_mode, amends, amends_version, acr, max_age, grant_id, code
FROM requests
WHERE id = $1;

-- name: request.put
INSERT INTO requests
  (id, reference, client, organisation, purpose, purpose_version, attributes, duration_days,
   redirect_uri, code_challenge, state, dpop_jkt, asked_at, expires_at, citizen, answered_at,
   answer, response_mode, amends, amends_version, acr, max_age, grant_id, code)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
  $20, $21, $22, $23, $24)
ON CONFLICT (id) DO UPDATE SET
  expires_at = excluded.expires_at, citizen = excluded.citizen, answered_at = excluded.answered_at,
  answer = excluded.answer, grant_id = excluded.grant_id, code = excluded.code;

-- name: grant.get
SELECT id, citizen, organisation, client, purpose, purpose_version, attributes, language, terms,
  granted_at, expires_at, state, ended_at, log, idx, nonce, sequence, last, day, disclosed_today,
  version, given_by, acr, signed_in_at
FROM grants
WHERE id = $1;

-- name: grant.any
SELECT 1
FROM grants
LIMIT 1;

-- name: grant.put
INSERT INTO grants
  (id, citizen, organisation, client, purpose, purpose_version, attributes, language, terms,
   granted_at, expires_at, state, ended_at, log, idx, nonce, sequence, last, day, disclosed_today,
   version, given_by, acr, signed_in_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
  $21, $22, $23, $24)
ON CONFLICT (id) DO UPDATE SET
  purpose_version = excluded.purpose_version, attributes = excluded.attributes, language = excluded.language,
  terms = excluded.terms, expires_at = excluded.expires_at, state = excluded.state, ended_at = excluded.ended_at,
  sequence = excluded.sequence, last = excluded.last, day = excluded.day, disclosed_today = excluded.disclosed_today,
  version = excluded.version, given_by = excluded.given_by,
  acr = excluded.acr, signed_in_at = excluded.signed_in_at,
  log = excluded.log, idx = excluded.idx, nonce = excluded.nonce;

-- name: grant_version.put
INSERT INTO grant_versions
  (grant_id, version, from_at, expires_at, purpose_version, attributes, language, terms, given_by,
   helper, log, idx)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: grant_version.of_grant
SELECT grant_id, version, from_at, expires_at, purpose_version, attributes, language, terms,
  given_by, helper, log, idx
FROM grant_versions
WHERE grant_id = $1
ORDER BY version;

-- name: code.get
SELECT hash, request, grant_id, client, redirect_uri, code_challenge, jkt, expires_at, used_at
FROM codes
WHERE hash = $1;

-- name: code.put
INSERT INTO codes
  (hash, request, grant_id, client, redirect_uri, code_challenge, jkt, expires_at, used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (hash) DO UPDATE SET
  used_at = excluded.used_at;

-- name: token.get
SELECT hash, kind, client, grant_id, jkt, issued_at, expires_at, revoked_at, code
FROM tokens
WHERE hash = $1;

-- name: access.get
SELECT t.hash, t.kind, t.client, t.grant_id, t.jkt, t.issued_at, t.expires_at, t.revoked_at, t.code,
  g.id, g.citizen, g.organisation, g.client, g.purpose, g.purpose_version, g.attributes, g.language, g.terms,
  g.granted_at, g.expires_at, g.state, g.ended_at, g.log, g.idx, g.nonce, g.sequence, g.last, g.day,
  g.disclosed_today, g.version, g.given_by, g.acr, g.signed_in_at,
  k.citizen, k.version, k.ring_key, k.data_key, k.subject_key, k.bucket,
  h.citizen, h.kept
FROM tokens t
LEFT JOIN grants g ON g.id = t.grant_id
LEFT JOIN citizen_keys k ON k.citizen = g.citizen
LEFT JOIN holdings h ON h.citizen = g.citizen
WHERE t.hash = $1;

-- name: token.put
INSERT INTO tokens
  (hash, kind, client, grant_id, jkt, issued_at, expires_at, revoked_at, code)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (hash) DO UPDATE SET
  revoked_at = excluded.revoked_at;

-- name: used.get
SELECT hash, expires_at
FROM used_proofs
WHERE hash = $1;

-- name: used.put
INSERT INTO used_proofs
  (hash, expires_at)
VALUES ($1, $2);

-- name: memo.get
SELECT client, key, body, disclosure, created_at
FROM memos
WHERE client = $1 AND key = $2;

-- name: memo.put
INSERT INTO memos
  (client, key, body, disclosure, created_at)
VALUES ($1, $2, $3, $4, $5);

-- name: disclosed.get
SELECT id, grant_id, client, citizen, log, idx, items, at
FROM disclosures
WHERE id = $1;

-- name: disclosed.put
INSERT INTO disclosures
  (id, grant_id, client, citizen, log, idx, items, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: use.get
SELECT id, grant_id, citizen, template, day, log, idx, disclosures, attributes, disclosed_at, at
FROM uses
WHERE grant_id = $1 AND template = $2 AND day = $3;

-- name: use.put
INSERT INTO uses
  (id, grant_id, citizen, template, day, log, idx, disclosures, attributes, disclosed_at, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: refusal.put
INSERT INTO refusals
  (grant_id, reason, day, count, idx)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (grant_id, reason, day) DO UPDATE SET
  count = excluded.count;

-- name: request.by_reference
SELECT id, reference, client, organisation, purpose, purpose_version, attributes, duration_days,
  redirect_uri, code_challenge, state, dpop_jkt, asked_at, expires_at, citizen, answered_at, answer,
  response_mode, amends, amends_version, acr, max_age, grant_id, code
FROM requests
WHERE reference = $1;

-- name: request.open_of_citizen
SELECT id, reference, client, organisation, purpose, purpose_version, attributes, duration_days,
  redirect_uri, code_challenge, state, dpop_jkt, asked_at, expires_at, citizen, answered_at, answer,
  response_mode, amends, amends_version, acr, max_age, grant_id, code
FROM requests
WHERE citizen = $1 AND answered_at IS NULL AND expires_at > $2
ORDER BY asked_at DESC;

-- name: request.untold
-- A code that is no longer there was swept out unused: its organisation let it lie.
SELECT r.id, r.grant_id
FROM requests r
LEFT JOIN codes c ON c.hash = r.code
WHERE r.citizen = $1 AND r.answer = 'yes' AND r.answered_at > $2
  AND (r.code IS NULL OR (c.hash IS NOT NULL AND c.used_at IS NULL))
ORDER BY r.answered_at DESC;

-- name: grant.step
-- None of these columns is part of an index: half of what `move` costs.
UPDATE grants
SET sequence = $2, last = $3, day = $4, disclosed_today = $5
WHERE id = $1;

-- name: grant.move
UPDATE grants
SET state = $2, ended_at = $3, sequence = $4, last = $5, day = $6, disclosed_today = $7
WHERE id = $1;

-- name: grant.for_purpose
SELECT id, citizen, organisation, client, purpose, purpose_version, attributes, language, terms,
  granted_at, expires_at, state, ended_at, log, idx, nonce, sequence, last, day, disclosed_today,
  version, given_by, acr, signed_in_at
FROM grants
WHERE citizen = $1 AND client = $2 AND purpose = $3 AND state = 'live';

-- name: grant.of_citizen
SELECT id, citizen, organisation, client, purpose, purpose_version, attributes, language, terms,
  granted_at, expires_at, state, ended_at, log, idx, nonce, sequence, last, day, disclosed_today,
  version, given_by, acr, signed_in_at
FROM grants
WHERE citizen = $1
ORDER BY granted_at DESC;

-- name: grant.lapsed
SELECT id, citizen, organisation, client, purpose, purpose_version, attributes, language, terms,
  granted_at, expires_at, state, ended_at, log, idx, nonce, sequence, last, day, disclosed_today,
  version, given_by, acr, signed_in_at
FROM grants
WHERE state = 'live' AND expires_at <= $1
ORDER BY expires_at, id
LIMIT $2;

-- name: token.of_code
SELECT hash, kind, client, grant_id, jkt, issued_at, expires_at, revoked_at, code
FROM tokens
WHERE code = $1;

-- name: disclosed.of_grant
SELECT d.id, d.grant_id, d.client, d.citizen, d.log, d.idx, d.items, d.at
FROM grants g
JOIN citizen_entries e ON e.citizen = g.citizen AND e.grant_id = g.id
JOIN disclosures d ON d.log = e.log AND d.idx = e.idx
WHERE g.id = $1
ORDER BY d.at DESC, d.idx DESC
LIMIT $2;

-- name: disclosed.count_of_citizen
SELECT d.grant_id, count(*), max(d.at)
FROM citizen_entries e
JOIN disclosures d ON d.log = e.log AND d.idx = e.idx
WHERE e.citizen = $1
GROUP BY d.grant_id;

-- name: use.by_id
SELECT id, grant_id, citizen, template, day, log, idx, disclosures, attributes, disclosed_at, at
FROM uses
WHERE id = $1;

-- name: use.of_citizen
SELECT id, grant_id, citizen, template, day, log, idx, disclosures, attributes, disclosed_at, at
FROM uses
WHERE grant_id IN (SELECT id FROM grants WHERE citizen = $1);

-- name: refusal.of_citizen
SELECT r.grant_id, r.reason, r.day, r.count, r.idx
FROM refusals r
JOIN grants g ON g.id = r.grant_id
WHERE g.citizen = $1;

-- name: refusal.newest
-- One for each reason: today's, or the one before it.
SELECT grant_id, reason, day, count, idx
FROM refusals
WHERE grant_id = $1
  AND day = (SELECT max(r.day) FROM refusals r WHERE r.grant_id = $1 AND r.reason = refusals.reason);

-- name: tidy.used
DELETE FROM used_proofs WHERE expires_at < $1;

-- name: tidy.codes
DELETE FROM codes WHERE expires_at < $1;

-- name: tidy.tokens
DELETE FROM tokens WHERE kind <> 'refresh' AND expires_at < $1;

-- name: tidy.requests
DELETE FROM requests WHERE expires_at < $1 AND answered_at IS NULL AND citizen IS NULL;

-- name: tidy.questions
DELETE FROM requests WHERE expires_at < $1 AND answered_at IS NULL AND citizen IS NOT NULL;

-- name: tidy.sessions
DELETE FROM sessions WHERE expires_at < $1;

-- name: tidy.ceremonies
DELETE FROM ceremonies WHERE expires_at < $1;

-- name: grant.of_client
SELECT id, citizen, organisation, client, purpose, purpose_version, attributes, language, terms,
  granted_at, expires_at, state, ended_at, log, idx, nonce, sequence, last, day, disclosed_today,
  version, given_by, acr, signed_in_at
FROM grants
WHERE client = $1 AND (granted_at > $2 OR (granted_at = $2 AND id > $3))
ORDER BY granted_at, id
LIMIT $4;

-- name: usage.disclosures
SELECT d.at / 86400000000, g.purpose, g.purpose_version, count(*)
FROM disclosures d
JOIN grants g ON g.id = d.grant_id
WHERE d.client = $1 AND d.at >= $2 AND d.at < $3
GROUP BY d.at / 86400000000, g.purpose, g.purpose_version;

-- name: usage.uses
SELECT u.day, g.purpose, g.purpose_version, count(*)
FROM grants g
JOIN uses u ON u.grant_id = g.id
WHERE g.client = $1 AND u.day >= $2 AND u.day < $3
GROUP BY u.day, g.purpose, g.purpose_version;

-- name: usage.refusals
SELECT r.day, g.purpose, g.purpose_version, sum(r.count)
FROM grants g
JOIN refusals r ON r.grant_id = g.id
WHERE g.client = $1 AND r.day >= $2 AND r.day < $3
GROUP BY r.day, g.purpose, g.purpose_version;

-- name: grant.of_removed
-- The few that are left: clients are seldom removed.
SELECT id, citizen, organisation, client, purpose, purpose_version, attributes, language, terms,
  granted_at, expires_at, state, ended_at, log, idx, nonce, sequence, last, day, disclosed_today,
  version, given_by, acr, signed_in_at
FROM grants
WHERE state = 'live' AND client IN (SELECT client FROM registrations WHERE state = 'removed')
ORDER BY granted_at, id
LIMIT $1;

-- name: grant.elsewhere
-- In the order of the index of those that live, from a place in it on.
SELECT id, expires_at
FROM grants
WHERE state = 'live' AND log IN (SELECT log FROM log_heads WHERE frozen <> 0) AND (expires_at, id) > ($1, $2)
ORDER BY expires_at, id
LIMIT $3;

-- name: grant.elsewhere_whole
SELECT id, citizen, organisation, client, purpose, purpose_version, attributes, language, terms,
  granted_at, expires_at, state, ended_at, log, idx, nonce, sequence, last, day, disclosed_today,
  version, given_by, acr, signed_in_at
FROM grants
WHERE state = 'live' AND log IN (SELECT log FROM log_heads WHERE frozen <> 0)
ORDER BY id
LIMIT $1;
