-- How often things happened, by day: counts of no one, from which the public statistics are made.
CREATE TABLE tallies (
  month {int} NOT NULL,
  day {int} NOT NULL,
  name TEXT NOT NULL,
  count {int} NOT NULL,
  PRIMARY KEY (month, day, name)
) {strict};
-- How far the counting came: of a log the next index, of the answers that were no an instant.
CREATE TABLE tallied (
  what TEXT PRIMARY KEY,
  next {int} NOT NULL
) {strict};
CREATE INDEX requests_answered_no ON requests (answered_at) WHERE answer = 'no';
