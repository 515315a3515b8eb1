-- What somebody is told of, written in the commit of what it tells. Nothing in it is more than a kind and a place.
CREATE TABLE notices (
  id TEXT PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  kind TEXT NOT NULL,
  who TEXT NOT NULL,
  about TEXT NOT NULL,
  organisation TEXT NOT NULL,
  at {int} NOT NULL,
  mail_at {int},
  tries {int} NOT NULL,
  sent_at {int},
  read_at {int}
) {strict};
CREATE INDEX notices_to_mail ON notices (mail_at);
CREATE INDEX notices_of_citizen ON notices (citizen, at);
CREATE INDEX notices_about ON notices (about, kind);
-- When she gets mail, by kind; what she did not choose is as for everybody.
ALTER TABLE preferences ADD COLUMN mail TEXT NOT NULL DEFAULT '[]';
