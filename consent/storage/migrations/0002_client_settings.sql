-- What a client chose for itself beyond the profile (canonical JSON of `oauth.clients.ClientSettings`, defaults left
-- out), and in which form the answer to a request goes back.

ALTER TABLE clients ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE requests ADD COLUMN response_mode TEXT NOT NULL DEFAULT 'query';
