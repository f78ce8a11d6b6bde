-- What a dry run found: which sessions a revocation by criterion will end. Refers to nothing, so that
-- neither a user nor a session is kept by a plan. The same tables as in ../sqlite.

CREATE TABLE revocation_plans (
    id              BYTEA PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    criteria        TEXT NOT NULL,
    actor           TEXT NOT NULL CHECK (actor IN ('user', 'operator')),
    actor_id        BYTEA CHECK (length(actor_id) = 16),
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    completed_at    BIGINT,
    session_count   BIGINT NOT NULL CHECK (session_count >= 0),
    started_at      BIGINT,
    reached_user    BYTEA CHECK (length(reached_user) = 16),
    reached_session BYTEA CHECK (length(reached_session) = 16),
    passed_count    BIGINT NOT NULL CHECK (passed_count BETWEEN 0 AND session_count),
    ended_count     BIGINT NOT NULL CHECK (ended_count BETWEEN 0 AND passed_count),
    CHECK ((actor = 'user') = (actor_id IS NOT NULL)),
    CHECK ((reached_user IS NULL) = (reached_session IS NULL))
);

-- In the order in which they are ended: what many sessions of one user need, they need together.
CREATE TABLE revocation_plan_sessions (
    plan_id    BYTEA NOT NULL CHECK (length(plan_id) = 16),
    user_id    BYTEA NOT NULL CHECK (length(user_id) = 16),
    session_id BYTEA NOT NULL CHECK (length(session_id) = 16),
    PRIMARY KEY (plan_id, user_id, session_id)
);

-- Work that one replica does at a time, and who may do it until when.
CREATE TABLE jobs (
    name       TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    holder     BYTEA NOT NULL CHECK (length(holder) = 16),
    held_until BIGINT NOT NULL,
    done_at    BIGINT NOT NULL
);
