-- Below this index of a log nothing is opened any more: openings and details are deleted, some at a time.
CREATE TABLE log_watermarks (
  log TEXT PRIMARY KEY,
  below {int} NOT NULL,
  at {int} NOT NULL
) {strict};
