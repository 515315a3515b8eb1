-- Who may act in whose name: what a citizen gave to a helper, or what a parent has by law. No name stands here open.
CREATE TABLE mandates (
  id TEXT PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  kind TEXT NOT NULL CHECK (kind IN ('helper', 'guardian')),
  may TEXT NOT NULL CHECK (may IN ('look', 'stop', 'choose')),
  organisations TEXT NOT NULL,
  show_special {int} NOT NULL,
  sealed {blob} NOT NULL,
  code {blob},
  code_until {int} NOT NULL,
  given_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  alone_at {int},
  helper TEXT REFERENCES citizens (id),
  accepted_at {int},
  ended_at {int}
) {strict};
CREATE INDEX mandates_of_citizen ON mandates (citizen);
CREATE INDEX mandates_of_helper ON mandates (helper);
CREATE UNIQUE INDEX mandates_by_code ON mandates (code);
CREATE INDEX mandates_by_end ON mandates (expires_at) WHERE ended_at IS NULL;
