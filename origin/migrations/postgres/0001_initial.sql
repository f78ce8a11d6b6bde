-- Times are Unix seconds, `seq` Unix milliseconds; identifiers are 16 bytes, addresses 16 bytes with
-- IPv4 mapped into IPv6, so that a network is a range. The same tables as in ../sqlite.

CREATE TABLE users (
    id               BYTEA PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    username         TEXT COLLATE "C" NOT NULL UNIQUE CHECK (length(username) BETWEEN 1 AND 64),
    password_hash    TEXT,
    banned_reason    TEXT,
    banned_at        BIGINT,
    roles            TEXT NOT NULL,
    scopes           TEXT NOT NULL,
    not_before       BIGINT NOT NULL,
    setup_digest     BYTEA CHECK (length(setup_digest) = 32),
    setup_expires_at BIGINT,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    CHECK ((banned_at IS NULL) = (banned_reason IS NULL)),
    CHECK ((setup_digest IS NULL) = (setup_expires_at IS NULL))
);

CREATE TABLE sessions (
    id                  BYTEA PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    user_id             BYTEA NOT NULL REFERENCES users (id),
    client_id           TEXT NOT NULL,
    generation          BIGINT NOT NULL CHECK (generation >= 1),
    accepted            BIGINT NOT NULL CHECK (accepted BETWEEN 0 AND generation),
    rotated_at          BIGINT NOT NULL,
    replays             BIGINT NOT NULL CHECK (replays >= 0),
    late_retries        BIGINT NOT NULL CHECK (late_retries >= 0),
    last_iat            BIGINT NOT NULL,
    last_exp            BIGINT NOT NULL,
    ended               TEXT,
    created_at          BIGINT NOT NULL,
    last_used_at        BIGINT NOT NULL,
    idle_expires_at     BIGINT NOT NULL,
    absolute_expires_at BIGINT NOT NULL,
    device              TEXT,
    opened_ip           BYTEA CHECK (length(opened_ip) = 16),
    opened_country      TEXT,
    opened_user_agent   TEXT,
    last_ip             BYTEA CHECK (length(last_ip) = 16),
    last_country        TEXT,
    last_user_agent     TEXT
) WITH (fillfactor = 80); -- room for the next version of a row beside it: no index is touched

CREATE INDEX sessions_active_by_user ON sessions (user_id, id) WHERE ended IS NULL;

CREATE TABLE signing_keys (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    public       BYTEA NOT NULL CHECK (length(public) = 32),
    sealed       BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    activates_at BIGINT NOT NULL,
    withdrawn_at BIGINT
);

-- One row, so that whoever revokes waits for whoever revoked before: the order of commits is the
-- order of `seq`.
CREATE TABLE feed (
    id  BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    seq BIGINT NOT NULL CHECK (seq >= 0)
);

INSERT INTO feed (id, seq) VALUES (1, 0);

CREATE TABLE revocations (
    kind       BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 4),
    digest     BYTEA NOT NULL CHECK (length(digest) = 8),
    not_before BIGINT NOT NULL,
    drop_at    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    PRIMARY KEY (kind, digest)
);

CREATE INDEX revocations_by_seq ON revocations (seq);
CREATE INDEX revocations_by_drop_at ON revocations (drop_at);

-- Refers to nothing: what happened stays, whatever becomes of those whom it concerns.
CREATE TABLE audit_events (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    action     TEXT NOT NULL,
    actor      TEXT NOT NULL CHECK (actor IN ('user', 'operator', 'bearer', 'service')),
    actor_id   BYTEA CHECK (length(actor_id) = 16),
    user_id    BYTEA CHECK (length(user_id) = 16),
    session_id BYTEA CHECK (length(session_id) = 16),
    ip         BYTEA CHECK (length(ip) = 16),
    detail     TEXT,
    CHECK ((actor = 'user') = (actor_id IS NOT NULL))
);
