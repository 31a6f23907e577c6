-- compatible-from: 22
-- The mark is read a moment after every write: in PL/pgSQL, which keeps the plan of its question with the connection. A function in
-- SQL was parsed and planned anew each time, which cost more than all else that is asked of the ledger.
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
            FROM (SELECT * FROM runs WHERE started_at IS NOT NULL ORDER BY started_at DESC LIMIT 40) r)) || E'\n';
END
$$;
