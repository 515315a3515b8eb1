-- A purpose while its organisation still writes it. It decides nothing, and goes when it is proposed.
CREATE TABLE drafts (
  organisation TEXT NOT NULL REFERENCES organisations (id),
  purpose TEXT NOT NULL,
  sketch {blob} NOT NULL,
  revision {int} NOT NULL,
  changed_at {int} NOT NULL,
  PRIMARY KEY (organisation, purpose)
) {strict};
