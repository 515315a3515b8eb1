-- The code on a receipt that stops one sharing. The code itself stands nowhere: a keyed hash finds its grant.
CREATE TABLE stop_codes (
  hash {blob} PRIMARY KEY,
  grant_id TEXT NOT NULL UNIQUE REFERENCES grants (id),
  citizen TEXT NOT NULL REFERENCES citizens (id),
  used_at {int},
  seen_at {int}
) {strict};
CREATE INDEX stop_codes_of_citizen ON stop_codes (citizen, used_at);
