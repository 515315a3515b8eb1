-- A client's token for batches is a kind of its own: whatever asks for another kind does not take it.
CREATE TABLE tokens_of_kinds (
  hash {blob} PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh', 'client', 'batch')),
  client TEXT NOT NULL,
  grant_id TEXT,
  jkt TEXT NOT NULL,
  issued_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  revoked_at {int},
  code {blob}
) {strict};
INSERT INTO tokens_of_kinds (hash, kind, client, grant_id, jkt, issued_at, expires_at, revoked_at, code)
SELECT hash, kind, client, grant_id, jkt, issued_at, expires_at, revoked_at, code
FROM tokens;
DROP TABLE tokens;
ALTER TABLE tokens_of_kinds RENAME TO tokens;
CREATE INDEX tokens_of_code ON tokens (code);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);
