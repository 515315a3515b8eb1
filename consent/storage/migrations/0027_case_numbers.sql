-- Under which case number of its own an organisation asked: a keyed hash, for a clerk at a desk. And which clerk looked
-- how it stands, once a day with a count: for the citizen.
CREATE TABLE cases (
  request TEXT PRIMARY KEY,
  hash {blob} NOT NULL,
  asked_at {int} NOT NULL
) {strict};
CREATE INDEX cases_by_hash ON cases (hash, asked_at);
CREATE INDEX cases_by_age ON cases (asked_at);

CREATE TABLE case_looks (
  request TEXT NOT NULL,
  member TEXT NOT NULL,
  day {int} NOT NULL,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  organisation TEXT NOT NULL,
  at {int} NOT NULL,
  count {int} NOT NULL,
  PRIMARY KEY (request, member, day)
) {strict};
CREATE INDEX case_looks_at_citizen ON case_looks (citizen, at);
