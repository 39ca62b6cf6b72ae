-- The journal: events of runs, what must be told to others, and what callers were answered.

CREATE TABLE entry (
  run TEXT NOT NULL,
  seq INTEGER NOT NULL,          -- 1, 2, 3 ... within its run
  line BLOB NOT NULL,            -- canonical JSON: what is hashed
  hash TEXT NOT NULL,            -- SHA-256 of line; the next line holds it as "prev"
  PRIMARY KEY (run, seq)
) STRICT;

CREATE INDEX entry_first ON entry (seq) WHERE seq = 1;

CREATE TRIGGER entry_follows BEFORE INSERT ON entry
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entry WHERE run = NEW.run)
BEGIN
  SELECT raise(ABORT, 'the journal has an entry of that number, or lacks the one before');
END;

CREATE TRIGGER entry_stays BEFORE UPDATE ON entry
BEGIN
  SELECT raise(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER entry_remains BEFORE DELETE ON entry
BEGIN
  SELECT raise(ABORT, 'the journal is append-only');
END;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: receivers know repeats by it
  run TEXT NOT NULL,
  seq INTEGER NOT NULL,          -- the last entry that was written with it
  body BLOB NOT NULL,            -- canonical JSON
  tries INTEGER NOT NULL DEFAULT 0,
  again_at REAL NOT NULL DEFAULT 0  -- Unix time before which it is not tried
) STRICT;

CREATE INDEX outbox_due ON outbox (again_at, id);

CREATE TABLE answered (
  key TEXT PRIMARY KEY,          -- the caller's own, for one request
  answer BLOB NOT NULL           -- canonical JSON
) STRICT;
