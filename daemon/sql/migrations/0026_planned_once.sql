-- compatible-from: 22
-- What is asked often is planned once a session: the server parses and plans an SQL function that it cannot inline anew with
-- each call. And the mark has the runs of its own account: where many share a database, the others' would crowd them out.
CREATE INDEX IF NOT EXISTS runs_of_account_by_start ON runs (account_number, started_at);

-- The mark of now: whose ledger it is, its newest order event, decision and entry, and the newest runs. One thing a line.
CREATE OR REPLACE FUNCTION ledger_mark(p_host text, p_instance text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN concat_ws(E'\n',
        (SELECT concat_ws(' ', 'ledger', utc(created_at), created_host) FROM environment_marker),
        'server ' || server_identity(),
        (SELECT concat_ws(' ', 'event', event_id, client_order_id, status) FROM order_events ORDER BY event_id DESC LIMIT 1),
        (SELECT concat_ws(' ', 'decision', seq, hash, host, instance) FROM decision_heads
            WHERE host = p_host AND instance = p_instance AND seq > 0),
        (SELECT concat_ws(' ', 'entry', entry_id, utc(at)) FROM entries ORDER BY entry_id DESC LIMIT 1),
        (SELECT string_agg(concat_ws(' ', 'run', r.run_id, r.account_number, r.session, r.slot_key,
                coalesce(utc(r.started_at), '-'), array_to_string(r.strategies, ' ')), E'\n' ORDER BY r.started_at)
            FROM (SELECT * FROM runs WHERE account_number = (SELECT account_number FROM instances WHERE instance = p_instance)
                AND started_at IS NOT NULL ORDER BY started_at DESC LIMIT 40) r)) || E'\n';
END
$$;

-- What a line of the mark says, by words; NULL when it has no such line.
CREATE OR REPLACE FUNCTION mark_line(p_mark text, p_word text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT string_to_array((regexp_match(p_mark, '^' || p_word || ' .*$', 'n'))[1], ' ')
$$;

-- Does nobody look after it any more but the daemon's lookups?
CREATE OR REPLACE FUNCTION run_is_over(p_id text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT i.run_id IS NULL OR s.terminal FROM intents i LEFT JOIN runs r USING (run_id) LEFT JOIN run_statuses s
        ON s.status = r.status WHERE i.client_order_id = p_id);
END
$$;

-- Until when an order that was sent again may leave: the deadline of its run. NULL: nobody had it sent again.
CREATE OR REPLACE FUNCTION retry_until(p_id text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT utc(r.deadline_at) FROM intents i JOIN runs r USING (run_id)
        WHERE i.client_order_id = p_id AND EXISTS (SELECT FROM order_events e
            WHERE e.client_order_id = p_id AND e.status = 'intent' AND e.source = 'operator'));
END
$$;

-- An order of ours that a fill could belong to, for all we know, NULL when there is none: one without a broker id that has no
-- answer yet, or that left and was given up, in its own session (good till cancelled: from then on).
CREATE OR REPLACE FUNCTION order_in_doubt(f fills) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    day date := (f.transaction_time AT TIME ZONE 'America/New_York')::date;
BEGIN
    RETURN (SELECT o.client_order_id FROM orders o JOIN intents i USING (client_order_id)
        WHERE i.account_number = f.account_number AND i.symbol = f.symbol AND i.side = f.side AND o.order_id IS NULL
            AND (o.status IN ('intent', 'sending', 'unknown')
                OR o.status = 'not_placed'
                    AND (i.session = day OR i.time_in_force = 'gtc' AND i.session < day)
                    AND (o.sent_at IS NOT NULL
                        OR EXISTS (SELECT FROM order_events e WHERE e.client_order_id = o.client_order_id
                            AND e.status = 'unknown')))
        ORDER BY i.created_at LIMIT 1);
END
$$;

CREATE OR REPLACE FUNCTION set_outcome(a activities, p_outcome text, p_entry bigint, p_detail text, p_at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO activity_outcomes VALUES (a.activity_id, a.account_number, p_outcome, p_entry, p_detail, p_at)
    ON CONFLICT (activity_id) DO UPDATE SET outcome = EXCLUDED.outcome, entry_id = EXCLUDED.entry_id,
        detail = EXCLUDED.detail, at = EXCLUDED.at
        WHERE (activity_outcomes.outcome, activity_outcomes.detail) IS DISTINCT FROM (EXCLUDED.outcome, EXCLUDED.detail);
END
$$;
