-- The audit trail can be looked through, and cannot be rewritten. What a start of the service
-- compares its settings with is kept here too. The same tables as in ../sqlite.

ALTER TABLE audit_events ADD COLUMN country TEXT;

CREATE INDEX audit_events_by_time ON audit_events (at, id);
CREATE INDEX audit_events_by_user ON audit_events (user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_events_by_session ON audit_events (session_id, at, id)
    WHERE session_id IS NOT NULL;
CREATE INDEX audit_events_by_action ON audit_events (action, at, id);

CREATE FUNCTION refuse_to_change_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END
$$;

CREATE TRIGGER audit_events_are_never_changed BEFORE UPDATE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_audit_events();

-- One row: the settings of the last start, without secrets; empty before the first one.
CREATE TABLE settings_record (
    id       BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    document TEXT NOT NULL
);

INSERT INTO settings_record (id, document) VALUES (1, '');
