-- Attempts to log in, counted under keyed hashes of names and networks. A row that has expired says
-- nothing that a missing one would not say.
CREATE TABLE throttle (
    key         BYTEA PRIMARY KEY NOT NULL CHECK (length(key) = 16),
    count       BIGINT NOT NULL CHECK (count >= 0),
    drained_at  BIGINT NOT NULL,
    ready_at    BIGINT NOT NULL,
    known_until BIGINT,
    told        BIGINT NOT NULL CHECK (told IN (0, 1)),
    expires_at  BIGINT NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX throttle_by_expires_at ON throttle (expires_at);
