-- compatible-from: 22
-- The mark names runs of its own account alone: other accounts of the database do not crowd them out. Whatever an order or a host
-- is called, blanks and all, a line of the mark is found again.

CREATE FUNCTION one_line(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT translate(t, E'\n\r', '  ')
$$;

CREATE OR REPLACE FUNCTION ledger_mark(p_host text, p_instance text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN concat_ws(E'\n',
        (SELECT concat_ws(' ', 'ledger', utc(created_at), created_host) FROM environment_marker),
        'server ' || server_identity(),
        (SELECT concat_ws(' ', 'event', event_id, one_line(client_order_id), status) FROM order_events
            ORDER BY event_id DESC LIMIT 1),
        (SELECT concat_ws(' ', 'decision', seq, hash, host, instance) FROM decision_heads
            WHERE host = p_host AND instance = p_instance AND seq > 0),
        (SELECT concat_ws(' ', 'entry', entry_id, utc(at)) FROM entries ORDER BY entry_id DESC LIMIT 1),
        (SELECT string_agg(concat_ws(' ', 'run', r.run_id, r.account_number, r.session, r.slot_key,
                coalesce(utc(r.started_at), '-'), array_to_string(r.strategies, ' ')), E'\n' ORDER BY r.started_at)
            FROM (SELECT * FROM runs WHERE started_at IS NOT NULL
                    AND account_number = (SELECT account_number FROM instances WHERE instance = p_instance)
                ORDER BY started_at DESC LIMIT 40) r)) || E'\n';
END
$$;

CREATE INDEX runs_by_account_and_start ON runs (account_number, started_at);

CREATE OR REPLACE FUNCTION check_mark(p_mark text, OUT kind text, OUT detail text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    was text[] := mark_line(p_mark, 'ledger');
    is_now environment_marker := (SELECT m FROM environment_marker m);
    server text := (mark_line(p_mark, 'server'))[2];
    w text[];
BEGIN
    kind := '';
    detail := '';
    IF was IS NULL THEN
        RETURN;
    ELSIF was[2] <> utc(is_now.created_at) OR array_to_string(was[3:], ' ') <> is_now.created_host THEN
        kind := 'other';
        detail := format('this host knows the database that was set up at %s on %s; this one was set up at %s on %s', was[2],
            array_to_string(was[3:], ' '), utc(is_now.created_at), is_now.created_host);
        RETURN;
    END IF;
    w := mark_line(p_mark, 'event');
    IF w IS NOT NULL AND NOT EXISTS (SELECT FROM order_events WHERE event_id = w[2]::bigint
            AND concat_ws(' ', one_line(client_order_id), status) = array_to_string(w[3:], ' ')) THEN
        detail := format('order event %s (%s)', w[2], array_to_string(w[3:], ' '));
    END IF;
    w := mark_line(p_mark, 'entry');
    IF w IS NOT NULL AND NOT EXISTS (SELECT FROM entries WHERE entry_id = w[2]::bigint AND at = w[3]::timestamptz) THEN
        detail := concat_ws(', ', nullif(detail, ''), format('entry %s of %s', w[2], w[3]));
    END IF;
    w := mark_line(p_mark, 'decision');
    IF w IS NOT NULL AND NOT EXISTS (SELECT FROM decisions WHERE host = array_to_string(w[4:cardinality(w) - 1], ' ')
            AND instance = w[cardinality(w)] AND seq = w[2]::bigint AND hash = w[3]) THEN
        detail := concat_ws(', ', nullif(detail, ''), format('decision %s', w[2]));
    END IF;
    IF detail <> '' THEN
        kind := 'older';
        detail := detail || ' not there' || CASE WHEN server <> server_identity() THEN '; on another server' ELSE '' END;
    END IF;
END
$$;
