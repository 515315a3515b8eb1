-- An answer goes to the organisation when she goes back: which grant a yes gave, and the newest code that she took along.
ALTER TABLE requests ADD COLUMN grant_id TEXT;
ALTER TABLE requests ADD COLUMN code {blob};
