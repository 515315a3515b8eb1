-- A backup knows nothing of what was ended after it. What lets somebody in ends; who should come in is let in again.

-- name: restore.end_sessions
DELETE FROM sessions;

-- name: restore.end_ceremonies
DELETE FROM ceremonies;

-- name: restore.end_codes
DELETE FROM codes;

-- name: restore.end_tokens
-- Refresh tokens live and end with their grant.
DELETE FROM tokens WHERE kind <> 'refresh';

-- name: restore.end_operators
UPDATE operators SET ended_at = $1 WHERE ended_at IS NULL;

-- name: restore.end_auditors
UPDATE auditors SET ended_at = $1 WHERE ended_at IS NULL;

-- name: restore.end_invitations
UPDATE initial_tokens SET remaining = 0;

-- name: restore.wait_again
-- Perhaps she took it back after the backup: she gets her time again.
UPDATE erasures SET final_at = $1 WHERE erased_at IS NULL;
