-- A citizen erases everything. Until it is final the row says whose account it is; afterwards only a hash of that random
-- id is left, so that an old backup cannot bring her back. She finds the row with a code that her own key derives.

CREATE TABLE erasures (
  hash {blob} PRIMARY KEY,
  citizen TEXT,
  shadow {blob},
  asked_at {int} NOT NULL,
  final_at {int} NOT NULL,
  erased_at {int},
  complete_at {int},
  log TEXT NOT NULL,
  idx {int} NOT NULL
) {strict};
CREATE INDEX erasures_under_way ON erasures (final_at) WHERE complete_at IS NULL;

-- What she shared ends in the log at an instant of its own, so that the endings of one person do not stand together.
CREATE TABLE planned_endings (
  grant_id TEXT PRIMARY KEY REFERENCES grants (id),
  due_at {int} NOT NULL
) {strict};
CREATE INDEX planned_endings_by_time ON planned_endings (due_at);

-- Without a reference to disclosures: deleting one of those would look through all memos, every time.
CREATE TABLE memos_alone (
  client TEXT NOT NULL,
  key {blob} NOT NULL,
  body {blob} NOT NULL,
  disclosure TEXT NOT NULL,
  created_at {int} NOT NULL,
  PRIMARY KEY (client, key)
) {strict};
INSERT INTO memos_alone (client, key, body, disclosure, created_at)
SELECT client, key, body, disclosure, created_at
FROM memos;
DROP TABLE memos;
ALTER TABLE memos_alone RENAME TO memos;

CREATE INDEX passkeys_of_citizen ON passkeys (citizen);
CREATE INDEX sessions_of_citizen ON sessions (citizen);
