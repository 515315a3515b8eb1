-- A grant remembers the sign-in under which she agreed; of older ones nobody knows. A request may say how good and how
-- young (seconds) that has to be.
ALTER TABLE grants ADD COLUMN acr TEXT;
ALTER TABLE grants ADD COLUMN signed_in_at {int};
ALTER TABLE requests ADD COLUMN acr TEXT;
ALTER TABLE requests ADD COLUMN max_age {int};
