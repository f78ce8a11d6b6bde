-- API keys. Of a secret there is a keyed hash alone, and which master key its key comes of. Keys go
-- with their users, also where the version before this one deletes them. The same table as in
-- ../sqlite.

CREATE TABLE api_keys (
    id            BYTEA PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    user_id       BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    client_id     TEXT NOT NULL,
    scopes        TEXT NOT NULL,
    master_key    BIGINT NOT NULL CHECK (master_key BETWEEN 0 AND 255),
    hash          BYTEA NOT NULL CHECK (length(hash) = 32),
    created_by    TEXT NOT NULL CHECK (created_by IN ('user', 'operator')),
    created_by_id BYTEA CHECK (length(created_by_id) = 16),
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT,
    last_used_at  BIGINT,
    last_iat      BIGINT NOT NULL,
    last_exp      BIGINT NOT NULL,
    revoked_at    BIGINT,
    replaced_by   BYTEA CHECK (length(replaced_by) = 16),
    CHECK ((created_by = 'user') = (created_by_id IS NOT NULL))
);

CREATE INDEX api_keys_by_user ON api_keys (user_id, id);
