-- Ways to sign in besides a passkey, and names for passkeys. No address stands here: a keyed hash finds, a seal keeps.
ALTER TABLE passkeys ADD COLUMN used_at {int};
ALTER TABLE passkeys ADD COLUMN label {blob};

CREATE TABLE ways (
  hash {blob} PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  kind TEXT NOT NULL CHECK (kind IN ('mail', 'broker', 'words')),
  sealed {blob},
  created_at {int} NOT NULL,
  used_at {int}
) {strict};
CREATE INDEX ways_of_citizen ON ways (citizen);

CREATE TABLE links (
  hash {blob} PRIMARY KEY,
  browser {blob} NOT NULL,
  address {blob} NOT NULL,
  sealed {blob} NOT NULL,
  citizen TEXT REFERENCES citizens (id),
  expires_at {int} NOT NULL,
  used_at {int}
) {strict};
CREATE INDEX links_to_address ON links (address, expires_at);
CREATE INDEX links_by_expiry ON links (expires_at);
