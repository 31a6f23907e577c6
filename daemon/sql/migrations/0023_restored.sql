-- compatible-from: 22
-- A database that was restored from an older copy does not know what it has lost; who wrote to it does. A mark names the newest
-- rows of the ledger, kept outside of it; when they are not there any more the ledger is older than the world.

-- Which server this is; '' when this role may not ask.
CREATE OR REPLACE FUNCTION server_identity() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT system_identifier::text FROM pg_control_system());
EXCEPTION WHEN insufficient_privilege THEN
    RETURN '';
END
$$;

-- The mark of now: whose ledger it is, its newest order event, decision and entry, and the newest runs. One thing a line.
CREATE OR REPLACE FUNCTION ledger_mark(p_host text, p_instance text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws(E'\n',
        (SELECT concat_ws(' ', 'ledger', utc(created_at), created_host) FROM environment_marker),
        'server ' || server_identity(),
        (SELECT concat_ws(' ', 'event', event_id, client_order_id, status) FROM order_events ORDER BY event_id DESC LIMIT 1),
        (SELECT concat_ws(' ', 'decision', seq, hash, host, instance) FROM decision_heads
            WHERE host = p_host AND instance = p_instance AND seq > 0),
        (SELECT concat_ws(' ', 'entry', entry_id, utc(at)) FROM entries ORDER BY entry_id DESC LIMIT 1),
        (SELECT string_agg(concat_ws(' ', 'run', r.run_id, r.account_number, r.session, r.slot_key,
                coalesce(utc(r.started_at), '-'), array_to_string(r.strategies, ' ')), E'\n' ORDER BY r.started_at)
            FROM (SELECT * FROM runs WHERE started_at IS NOT NULL ORDER BY started_at DESC LIMIT 40) r)) || E'\n'
$$;

-- What a line of the mark says, by words; NULL when it has no such line.
CREATE OR REPLACE FUNCTION mark_line(p_mark text, p_word text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT string_to_array(l, ' ') FROM string_to_table(p_mark, E'\n') l WHERE starts_with(l, p_word || ' ') LIMIT 1
$$;

-- kind: '' the ledger has all of the mark (or there is none), 'older' it lacks some, 'other' it is another one.
CREATE OR REPLACE FUNCTION check_mark(p_mark text, OUT kind text, OUT detail text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    was text[] := mark_line(p_mark, 'ledger');
    is_now text[] := (SELECT ARRAY['ledger', utc(created_at), created_host] FROM environment_marker);
    server text := (mark_line(p_mark, 'server'))[2];
    w text[];
BEGIN
    kind := '';
    detail := '';
    IF was IS NULL THEN
        RETURN;
    ELSIF was <> is_now THEN
        kind := 'other';
        detail := format('this host knows the database that was set up at %s on %s; this one was set up at %s on %s', was[2],
            was[3], is_now[2], is_now[3]);
        RETURN;
    END IF;
    w := mark_line(p_mark, 'event');
    IF w IS NOT NULL AND NOT EXISTS (SELECT FROM order_events WHERE event_id = w[2]::bigint AND client_order_id = w[3]
            AND status = w[4]) THEN
        detail := format('order event %s (%s %s)', w[2], w[3], w[4]);
    END IF;
    w := mark_line(p_mark, 'entry');
    IF w IS NOT NULL AND NOT EXISTS (SELECT FROM entries WHERE entry_id = w[2]::bigint AND at = w[3]::timestamptz) THEN
        detail := concat_ws(', ', nullif(detail, ''), format('entry %s of %s', w[2], w[3]));
    END IF;
    w := mark_line(p_mark, 'decision');
    IF w IS NOT NULL AND NOT EXISTS (SELECT FROM decisions WHERE host = w[4] AND instance = w[5] AND seq = w[2]::bigint
            AND hash = w[3]) THEN
        detail := concat_ws(', ', nullif(detail, ''), format('decision %s', w[2]));
    END IF;
    IF detail <> '' THEN
        kind := 'older';
        detail := detail || ' not there' || CASE WHEN server <> server_identity() THEN '; on another server' ELSE '' END;
    END IF;
END
$$;

-- Runs of the mark that are lost are kept as failed: their slots do not run again, the next manual run gets the next number.
CREATE OR REPLACE FUNCTION keep_lost_runs(p_mark text, p_account text, p_host text, p_instance text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    kept bigint;
BEGIN
    PERFORM 1 FROM accounts WHERE account_number = p_account FOR NO KEY UPDATE;
    INSERT INTO runs (run_id, account_number, session, slot_key, label, cause, strategies, status, scheduled_at, started_at,
            completed_at, detail, host, instance)
        SELECT w[2], w[3], w[4]::date, w[5], '', 'restored', w[7:], 'failed',
            CASE WHEN w[5] LIKE 'manual-%' THEN NULL ELSE w[5]::timestamptz END, nullif(w[6], '-')::timestamptz, p_now,
            'its record was lost with the database, which was restored from an older copy', p_host, p_instance
        FROM string_to_table(p_mark, E'\n') l, LATERAL (SELECT string_to_array(l, ' ') AS w) x
        WHERE starts_with(l, 'run ') AND w[3] = p_account ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS kept = ROW_COUNT;
    RETURN kept;
END
$$;

CREATE INDEX IF NOT EXISTS orders_of_others_by_client_id ON orders_of_others (account_number, client_order_id);

-- Of the broker's orders those with ids of ours that have no intent here, placed after the opening: their record is lost. They
-- are noted, so that their fills go to unassigned and their ids are never used again.
CREATE OR REPLACE FUNCTION note_lost_orders(p_account text, p_orders jsonb, p_now timestamptz, OUT lost bigint, OUT first text)
LANGUAGE plpgsql AS $$
BEGIN
    WITH found AS (
        SELECT x.id, x.client_order_id, x.submitted_at
        FROM jsonb_to_recordset(p_orders) AS x (id text, client_order_id text, submitted_at timestamptz)
        JOIN openings o ON o.account_number = p_account AND x.submitted_at > o.at
        WHERE starts_with(x.client_order_id, 'pg1-')
            AND NOT EXISTS (SELECT FROM intents i WHERE i.client_order_id = x.client_order_id)
            AND NOT EXISTS (SELECT FROM orders_of_others n WHERE n.order_id = x.id)
            AND NOT EXISTS (SELECT FROM quarantine q WHERE q.order_id = x.id)
    ), noted AS (
        INSERT INTO orders_of_others SELECT id, p_account, client_order_id, p_now FROM found ON CONFLICT DO NOTHING
    )
    SELECT count(*), coalesce((array_agg(client_order_id ORDER BY submitted_at))[1], '') INTO lost, first FROM found;
END
$$;

CREATE OR REPLACE FUNCTION refuse_lost_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders_of_others WHERE account_number = NEW.account_number
            AND client_order_id = NEW.client_order_id) AND NOT NEW.body::jsonb ? 'adopted' THEN -- by an operator
        RAISE EXCEPTION USING ERRCODE = 'PG003', MESSAGE = format(
            'the broker has an order %s whose record this database lost: its id is not used again', NEW.client_order_id);
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER refuse_lost_id BEFORE INSERT ON intents FOR EACH ROW EXECUTE FUNCTION refuse_lost_id();
