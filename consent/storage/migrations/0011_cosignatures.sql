-- Lines that came under a checkpoint after it was committed: of the log's own second key, and of witnesses.
CREATE TABLE log_cosignatures (
  log TEXT NOT NULL,
  size {int} NOT NULL,
  key TEXT NOT NULL,
  line TEXT NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (log, size, key)
) {strict};
CREATE INDEX log_cosignatures_by_key ON log_cosignatures (log, key, size);

-- Public keys that a log signs with: from the entry that adds one to the entry that retires it.
CREATE TABLE log_keys (
  log TEXT NOT NULL,
  key TEXT NOT NULL,
  added {int} NOT NULL,
  retired {int},
  lost {int} NOT NULL,
  PRIMARY KEY (log, key)
) {strict};
