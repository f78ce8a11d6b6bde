-- Times are Unix seconds, `seq` Unix milliseconds; identifiers are 16 bytes, addresses 16 bytes with
-- IPv4 mapped into IPv6, so that a network is a range. The same tables as in ../postgres.

CREATE TABLE users (
    id               BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    username         TEXT NOT NULL UNIQUE CHECK (length(username) BETWEEN 1 AND 64),
    password_hash    TEXT,
    banned_reason    TEXT,
    banned_at        INTEGER,
    roles            TEXT NOT NULL,
    scopes           TEXT NOT NULL,
    not_before       INTEGER NOT NULL,
    setup_digest     BLOB CHECK (length(setup_digest) = 32),
    setup_expires_at INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    CHECK ((banned_at IS NULL) = (banned_reason IS NULL)),
    CHECK ((setup_digest IS NULL) = (setup_expires_at IS NULL))
) STRICT;

CREATE TABLE sessions (
    id                  BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    user_id             BLOB NOT NULL REFERENCES users (id),
    client_id           TEXT NOT NULL,
    generation          INTEGER NOT NULL CHECK (generation >= 1),
    accepted            INTEGER NOT NULL CHECK (accepted BETWEEN 0 AND generation),
    rotated_at          INTEGER NOT NULL,
    replays             INTEGER NOT NULL CHECK (replays >= 0),
    late_retries        INTEGER NOT NULL CHECK (late_retries >= 0),
    last_iat            INTEGER NOT NULL,
    last_exp            INTEGER NOT NULL,
    ended               TEXT,
    created_at          INTEGER NOT NULL,
    last_used_at        INTEGER NOT NULL,
    idle_expires_at     INTEGER NOT NULL,
    absolute_expires_at INTEGER NOT NULL,
    device              TEXT,
    opened_ip           BLOB CHECK (length(opened_ip) = 16),
    opened_country      TEXT,
    opened_user_agent   TEXT,
    last_ip             BLOB CHECK (length(last_ip) = 16),
    last_country        TEXT,
    last_user_agent     TEXT
) STRICT;

CREATE INDEX sessions_active_by_user ON sessions (user_id, id) WHERE ended IS NULL;

CREATE TABLE signing_keys (
    id           TEXT PRIMARY KEY NOT NULL,
    public       BLOB NOT NULL CHECK (length(public) = 32),
    sealed       BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    activates_at INTEGER NOT NULL,
    withdrawn_at INTEGER
) STRICT;

-- One row, so that whoever revokes waits for whoever revoked before: the order of commits is the
-- order of `seq`.
CREATE TABLE feed (
    id  INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    seq INTEGER NOT NULL CHECK (seq >= 0)
) STRICT;

INSERT INTO feed (id, seq) VALUES (1, 0);

CREATE TABLE revocations (
    kind       INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),
    digest     BLOB NOT NULL CHECK (length(digest) = 8),
    not_before INTEGER NOT NULL,
    drop_at    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    PRIMARY KEY (kind, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX revocations_by_seq ON revocations (seq);
CREATE INDEX revocations_by_drop_at ON revocations (drop_at);

-- Refers to nothing: what happened stays, whatever becomes of those whom it concerns.
CREATE TABLE audit_events (
    id         INTEGER PRIMARY KEY NOT NULL,
    at         INTEGER NOT NULL,
    action     TEXT NOT NULL,
    actor      TEXT NOT NULL CHECK (actor IN ('user', 'operator', 'bearer', 'service')),
    actor_id   BLOB CHECK (length(actor_id) = 16),
    user_id    BLOB CHECK (length(user_id) = 16),
    session_id BLOB CHECK (length(session_id) = 16),
    ip         BLOB CHECK (length(ip) = 16),
    detail     TEXT,
    CHECK ((actor = 'user') = (actor_id IS NOT NULL))
) STRICT;
