-- Until when (Unix seconds) a session may be behind its newest refresh token, because a backup was
-- put back; 0: never was one. The same column as in ../sqlite.

ALTER TABLE feed ADD COLUMN fast_forward_until BIGINT NOT NULL DEFAULT 0;
