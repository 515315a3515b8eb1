-- What an organisation may know of each week that is over: people in whole tens, counted once, of no one.
CREATE TABLE weekly_counts (
  organisation TEXT NOT NULL,
  week {int} NOT NULL,
  name TEXT NOT NULL,
  people {int} NOT NULL,
  PRIMARY KEY (organisation, week, name)
) {strict};
