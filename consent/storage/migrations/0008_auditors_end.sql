-- An auditor's token can be ended before its time.

ALTER TABLE auditors ADD COLUMN ended_at {int};
CREATE INDEX auditors_by_name ON auditors (auditor);
