-- The inbox: what devices said by themselves; the oldest rows go when there are too many.

CREATE TABLE notice (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the journals of runs name rows by it
  key BLOB NOT NULL,             -- of the datagram: repeats of an inform are known by it
  wall REAL NOT NULL,            -- Unix time at which it came
  bay TEXT NOT NULL,
  device TEXT NOT NULL,
  body BLOB NOT NULL             -- canonical JSON
) STRICT;

CREATE INDEX notice_key ON notice (key);
CREATE INDEX notice_bay ON notice (bay, id);
