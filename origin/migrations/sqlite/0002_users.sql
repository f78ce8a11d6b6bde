-- `skeleton` is that of UTS #39: of two names with the same one only one may exist. Users of an older
-- version have none until it is filled in; so do those of two old names that have the same.

ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN skeleton TEXT;
ALTER TABLE users ADD COLUMN disabled_at INTEGER;

CREATE UNIQUE INDEX users_by_skeleton ON users (skeleton);
CREATE INDEX users_without_skeleton ON users (id) WHERE skeleton IS NULL;

-- For the deletion of a user, whose ended sessions go too.
CREATE INDEX sessions_by_user ON sessions (user_id);
