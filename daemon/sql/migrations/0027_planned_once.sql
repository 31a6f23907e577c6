-- compatible-from: 22
-- What is asked often is planned once for each connection: the server parses and plans an SQL function that it cannot inline
-- anew with each call.

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
