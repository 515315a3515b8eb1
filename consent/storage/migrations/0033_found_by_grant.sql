-- What is deleted with a grant or a person, or by its age, is found and not searched for: others wait meanwhile.
CREATE INDEX tokens_of_grant ON tokens (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX requests_to_amend ON requests (amends) WHERE amends IS NOT NULL;
CREATE INDEX demands_of_grant ON demands (grant_id);
CREATE INDEX links_of_citizen ON links (citizen);
CREATE INDEX notices_by_age ON notices (at);
-- Thousands may end in one instant: those that live are read on from any of them.
DROP INDEX live_grants_by_expiry;
CREATE INDEX live_grants_by_expiry ON grants (expires_at, id) WHERE state = 'live';
