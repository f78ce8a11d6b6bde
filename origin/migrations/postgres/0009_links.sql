-- The latest times (Unix seconds) in the links that a user has signed: what revokes the user covers
-- them, and is published until the last of them has expired. 0: never signed one. The same columns
-- as in ../sqlite.

ALTER TABLE users ADD COLUMN links_iat BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN links_exp BIGINT NOT NULL DEFAULT 0;
