SELECT coalesce(json_agg(json_build_object(
        'run_id', r.run_id, 'status', CASE WHEN s.terminal THEN r.status ELSE 'running' END, 'state', r.status,
        'strategy_id', array_to_string(r.strategies, ' '), 'account', r.account_number, 'as_of_date', r.session,
        'session', r.session, 'slot', r.slot_key, 'label', r.label, 'cause', r.cause, 'num_signals', r.signals,
        'num_orders_submitted', r.orders_submitted, 'num_orders_accepted', r.orders_accepted,
        'num_orders_rejected', r.orders_rejected, 'num_orders_planned', c.orders_planned,
        'num_orders_skipped', c.orders_skipped, 'num_orders_failed', c.orders_failed, 'num_symbols', c.symbols,
        'num_symbols_priced', c.successful_symbols, 'mappings', (
            SELECT coalesce(json_agg(json_build_object('client_order_id', i.client_order_id, 'order_id', o.order_id,
                'symbol', i.symbol, 'side', i.side, 'qty', plain(i.qty), 'leg', i.leg, 'try', i.try_no, 'status', o.status,
                'filled_qty', plain(o.filled_qty)) ORDER BY i.leg, i.try_no), '[]')
            FROM intents i JOIN orders o USING (client_order_id) WHERE i.run_id = r.run_id),
        'scheduled_at', utc(r.scheduled_at), 'started_at', utc(r.started_at), 'planned_at', utc(r.planned_at),
        'completed_at', utc(r.completed_at), 'deadline_at', utc(r.deadline_at),
        'duration_seconds', round(extract(epoch FROM r.completed_at - r.started_at), 3), 'fills', r.fills,
        'settled', r.settled, 'detail', r.detail, 'host', r.host, 'instance', r.instance)
        ORDER BY r.session DESC, coalesce(r.started_at, r.scheduled_at, '-infinity') DESC, r.run_id COLLATE "C" DESC), '[]')
FROM (
    SELECT r.run_id FROM runs r JOIN run_statuses s USING (status)
    WHERE r.account_number = (SELECT account_number FROM instances WHERE instance = $8)
    AND ($1::text IS NULL OR r.run_id = $1) AND ($2::text IS NULL OR r.run_id = $2)
    AND ($3::text IS NULL OR EXISTS (SELECT FROM legs l WHERE l.run_id = r.run_id AND l.symbol = $3))
    AND ($4::text IS NULL OR $4 IN (r.status, CASE WHEN s.terminal THEN r.status ELSE 'running' END))
    AND ($5::text IS NULL OR $5 = ANY (r.strategies))
    AND ($9::date IS NULL OR r.session >= $9::date) AND ($10::date IS NULL OR r.session <= $10::date)
    AND ($13::date IS NULL OR (r.session, coalesce(r.started_at, r.scheduled_at, '-infinity'), r.run_id COLLATE "C")
        < ($13::date, $11::timestamptz, $12::text))
    ORDER BY r.session DESC, coalesce(r.started_at, r.scheduled_at, '-infinity') DESC, r.run_id COLLATE "C" DESC LIMIT $6::bigint OFFSET $7::bigint
) page JOIN runs r USING (run_id) JOIN run_statuses s USING (status) LEFT JOIN run_counts c USING (run_id)
