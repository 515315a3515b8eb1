-- A citizen's list of her entries and the sealed detail of each were two rows that are always written and deleted
-- together: they become one.
CREATE TABLE entries_of_citizens (
  citizen TEXT NOT NULL,
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  grant_id TEXT,
  nonce {blob} NOT NULL,
  sealed {blob} NOT NULL,
  PRIMARY KEY (citizen, log, idx)
) {strict};
INSERT INTO entries_of_citizens (citizen, log, idx, grant_id, nonce, sealed)
SELECT e.citizen, e.log, e.idx, e.grant_id, e.nonce, d.sealed
FROM citizen_entries e
JOIN log_details d ON d.log = e.log AND d.idx = e.idx;
DROP TABLE citizen_entries;
DROP TABLE log_details;
ALTER TABLE entries_of_citizens RENAME TO citizen_entries;
