-- What has been answered goes after a while; it is looked for every minute.
CREATE INDEX signals_answered ON signals (acknowledged_at) WHERE acknowledged_at IS NOT NULL;
