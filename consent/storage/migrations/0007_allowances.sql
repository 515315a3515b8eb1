-- How often somebody knocked lately, under a keyed hash that says not who. A row is worth one minute.

CREATE TABLE allowances (
  hash {blob} PRIMARY KEY,
  since {int} NOT NULL,
  used {int} NOT NULL
) {strict};
CREATE INDEX allowances_by_age ON allowances (since);
