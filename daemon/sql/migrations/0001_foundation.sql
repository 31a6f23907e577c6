-- compatible-from: 1
-- The marker that says whose database this is, the list of migrations, hosts, halts, accounts, and the words that are used.
-- Times come from the caller's clock, never from the server's. Tables that tell what happened refuse to be changed.
CREATE TABLE environment_marker (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    environment text NOT NULL CHECK (environment IN ('dev', 'staging')),
    created_at timestamptz NOT NULL,
    created_host text NOT NULL CHECK (created_host <> '')
);

CREATE TABLE schema_migrations (
    version integer PRIMARY KEY CHECK (version > 0),
    name text NOT NULL CHECK (name <> ''),
    checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    compatible_from integer NOT NULL CHECK (compatible_from BETWEEN 1 AND version),
    applied_at timestamptz NOT NULL
);

-- An instant as text: UTC, no trailing zeros, none at all when whole.
CREATE FUNCTION utc(t timestamptz) RETURNS text LANGUAGE sql STABLE STRICT AS $$
    SELECT rtrim(rtrim(to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.') || 'Z'
$$;

-- A decimal as text: shortest form, never an exponent.
CREATE FUNCTION plain(n numeric) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT trim_scale(n)::text
$$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'PG001',
        MESSAGE = format('table %s keeps what it holds: %s is refused; a mistake is put right by a correction entry',
                         TG_TABLE_NAME, TG_OP);
END
$$;

CREATE FUNCTION make_append_only(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
                   name);
    EXECUTE format('CREATE TRIGGER only_grows_whole BEFORE TRUNCATE ON %I FOR EACH STATEMENT '
                   'EXECUTE FUNCTION refuse_change()', name);
END
$$;

-- Rows may change, but they stay.
CREATE FUNCTION make_lasting(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER stays BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('CREATE TRIGGER stays_whole BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                   name);
END
$$;

-- Paper accounts only: the database itself refuses any other number.
CREATE TABLE accounts (
    account_number text PRIMARY KEY CHECK (account_number ~ '^PA[0-9A-Z]{1,29}$'),
    first_seen_at timestamptz NOT NULL,
    first_seen_host text NOT NULL,
    first_seen_instance text NOT NULL
);

-- The account an instance saw first is the one it stays with.
CREATE TABLE instances (
    instance text PRIMARY KEY CHECK (instance <> ''),
    account_number text NOT NULL REFERENCES accounts,
    bound_at timestamptz NOT NULL
);

CREATE TABLE hosts (
    host text NOT NULL CHECK (host <> ''),
    instance text NOT NULL CHECK (instance <> ''),
    first_seen_at timestamptz NOT NULL,
    PRIMARY KEY (host, instance)
);

CREATE TABLE halt_state (
    host text NOT NULL,
    instance text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'reduce_only', 'halted')),
    reason text NOT NULL,
    source text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (host, instance),
    FOREIGN KEY (host, instance) REFERENCES hosts
);

CREATE TABLE halt_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_key text NOT NULL UNIQUE,
    host text NOT NULL,
    instance text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'reduce_only', 'halted')),
    reason text NOT NULL,
    source text NOT NULL,
    at timestamptz NOT NULL,
    FOREIGN KEY (host, instance) REFERENCES hosts
);

CREATE FUNCTION write_halt(p_key text, p_host text, p_instance text, p_state text, p_reason text, p_source text,
                           p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hosts VALUES (p_host, p_instance, p_at) ON CONFLICT DO NOTHING;
    INSERT INTO halt_events (event_key, host, instance, state, reason, source, at)
        VALUES (p_key, p_host, p_instance, p_state, p_reason, p_source, p_at) ON CONFLICT (event_key) DO NOTHING;
    IF FOUND THEN
        INSERT INTO halt_state VALUES (p_host, p_instance, p_state, p_reason, p_source, p_at)
        ON CONFLICT (host, instance) DO UPDATE SET state = EXCLUDED.state, reason = EXCLUDED.reason,
            source = EXCLUDED.source, changed_at = EXCLUDED.changed_at;
    END IF;
END
$$;

-- Writes the account unless this instance already has one; answers the one it has.
CREATE FUNCTION see_account(p_account text, p_host text, p_instance text, p_at timestamptz)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    bound text;
BEGIN
    SELECT account_number INTO bound FROM instances WHERE instance = p_instance;
    IF NOT FOUND THEN
        INSERT INTO accounts VALUES (p_account, p_at, p_host, p_instance) ON CONFLICT DO NOTHING;
        INSERT INTO instances VALUES (p_instance, p_account, p_at) ON CONFLICT DO NOTHING;
        SELECT account_number INTO bound FROM instances WHERE instance = p_instance;
    END IF;
    RETURN bound;
END
$$;

SELECT make_append_only(t) FROM unnest(ARRAY['environment_marker', 'schema_migrations', 'accounts', 'halt_events']) t;
