-- What the rules of refresh have flagged (words, separated by spaces), and when a session was ended.
-- The version before this one ends sessions without saying when. No index: a refresh writes to none.

ALTER TABLE sessions ADD COLUMN flags TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN ended_at INTEGER;
