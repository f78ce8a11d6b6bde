-- Attempts to log in, counted under keyed hashes of names and networks. A row that has expired says
-- nothing that a missing one would not say.
CREATE TABLE throttle (
    key         BLOB PRIMARY KEY NOT NULL CHECK (length(key) = 16),
    count       INTEGER NOT NULL CHECK (count >= 0),
    drained_at  INTEGER NOT NULL,
    ready_at    INTEGER NOT NULL,
    known_until INTEGER,
    told        INTEGER NOT NULL CHECK (told IN (0, 1)),
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX throttle_by_expires_at ON throttle (expires_at);
