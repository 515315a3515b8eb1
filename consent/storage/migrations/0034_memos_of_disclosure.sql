-- What a retry is known by goes with what it repeats: found, and not searched for. Both come in the order of time.
CREATE INDEX memos_of_disclosure ON memos (disclosure);
