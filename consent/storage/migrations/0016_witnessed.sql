-- The newest checkpoint of each log that met the policy for witnesses.
CREATE TABLE log_witnessed (
  log TEXT PRIMARY KEY,
  size {int} NOT NULL,
  at {int} NOT NULL
) {strict};
