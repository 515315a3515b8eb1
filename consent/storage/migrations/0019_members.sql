-- Who acts at the pages for an organisation, or for the operator (then there is no organisation): an account and a
-- role. The name is for the others of the team.
CREATE TABLE members (
  id TEXT PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  organisation TEXT REFERENCES organisations (id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'editor', 'clerk', 'operator')),
  name TEXT NOT NULL,
  joined_at {int} NOT NULL,
  ended_at {int}
) {strict};
CREATE INDEX members_of_citizen ON members (citizen);
CREATE INDEX members_of_organisation ON members (organisation);

-- A code that makes whoever types it a member, once.
CREATE TABLE invitations (
  hash {blob} PRIMARY KEY,
  organisation TEXT REFERENCES organisations (id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'editor', 'clerk', 'operator')),
  name TEXT NOT NULL,
  given_by TEXT NOT NULL,
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  ended_at {int}
) {strict};
CREATE INDEX invitations_of_organisation ON invitations (organisation, expires_at);
