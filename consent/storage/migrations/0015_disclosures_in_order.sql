-- A random key costs a page of its own for every row. Disclosures lie in the order of the log; those of one grant are
-- found through the entries of its citizen.
CREATE TABLE disclosures_in_order (
  id TEXT NOT NULL UNIQUE,
  grant_id TEXT NOT NULL,
  client TEXT NOT NULL,
  citizen TEXT NOT NULL,
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  items TEXT NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (log, idx)
) {strict};
INSERT INTO disclosures_in_order (id, grant_id, client, citizen, log, idx, items, at)
SELECT id, grant_id, client, citizen, log, idx, items, at
FROM disclosures
ORDER BY log, idx;
DROP TABLE disclosures;
ALTER TABLE disclosures_in_order RENAME TO disclosures;
CREATE INDEX disclosures_of_client ON disclosures (client, at);
