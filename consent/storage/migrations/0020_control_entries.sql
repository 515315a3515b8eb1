-- What the log says about itself: a few entries among very many.
CREATE INDEX log_controls ON log_entries (log, idx) WHERE length(leaf) > 152;
