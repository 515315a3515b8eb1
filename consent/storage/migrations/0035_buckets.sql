-- Which log has what is written about her: one of those that stand side by side (consent/storage/rows.py, `bucket_of`).
ALTER TABLE citizen_keys ADD COLUMN bucket {int} NOT NULL DEFAULT 1;
