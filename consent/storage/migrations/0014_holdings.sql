-- What she holds now in one row: a disclosure reads one instead of five. `sealed_values` keeps every version.
-- The service fills it from there when it opens an older database.
CREATE TABLE holdings (
  citizen TEXT PRIMARY KEY REFERENCES citizens (id),
  kept {blob} NOT NULL
) {strict};
