-- API keys. Of a secret there is a keyed hash alone, and which master key its key comes of. Keys go
-- with their users, also where the version before this one deletes them. The same table as in
-- ../postgres.

CREATE TABLE api_keys (
    id            BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    user_id       BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    client_id     TEXT NOT NULL,
    scopes        TEXT NOT NULL,
    master_key    INTEGER NOT NULL CHECK (master_key BETWEEN 0 AND 255),
    hash          BLOB NOT NULL CHECK (length(hash) = 32),
    created_by    TEXT NOT NULL CHECK (created_by IN ('user', 'operator')),
    created_by_id BLOB CHECK (length(created_by_id) = 16),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    last_used_at  INTEGER,
    last_iat      INTEGER NOT NULL,
    last_exp      INTEGER NOT NULL,
    revoked_at    INTEGER,
    replaced_by   BLOB CHECK (length(replaced_by) = 16),
    CHECK ((created_by = 'user') = (created_by_id IS NOT NULL))
) STRICT;

CREATE INDEX api_keys_by_user ON api_keys (user_id, id);
