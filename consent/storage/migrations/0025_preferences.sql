-- How a citizen wants to be told, when that is not as everybody.
CREATE TABLE preferences (
  citizen TEXT PRIMARY KEY REFERENCES citizens (id),
  private {int} NOT NULL
) {strict};
