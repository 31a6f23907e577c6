SELECT json_build_object('run_id', r.run_id, 'status', CASE WHEN s.terminal THEN r.status ELSE 'running' END, 'state', r.status,
        'strategy_id', array_to_string(r.strategies, ' '), 'account', r.account_number, 'as_of_date', r.session,
        'session', r.session, 'slot', r.slot_key, 'label', r.label, 'cause', r.cause, 'num_signals', r.signals,
        'num_orders_submitted', r.orders_submitted, 'num_orders_accepted', r.orders_accepted,
        'num_orders_rejected', r.orders_rejected, 'num_orders_planned', c.orders_planned,
        'num_orders_skipped', c.orders_skipped, 'num_orders_failed', c.orders_failed, 'num_symbols', c.symbols,
        'num_symbols_priced', c.successful_symbols, 'mappings', (
            SELECT coalesce(json_agg(json_build_object(
        'client_order_id', i.client_order_id, 'order_id', o.order_id,
                'symbol', i.symbol, 'side', i.side, 'qty', plain(i.qty), 'leg', i.leg, 'try', i.try_no, 'status', o.status,
                'filled_qty', plain(o.filled_qty)) ORDER BY i.leg, i.try_no), '[]')
            FROM intents i JOIN orders o USING (client_order_id) WHERE i.run_id = r.run_id),
        'scheduled_at', utc(r.scheduled_at), 'started_at', utc(r.started_at), 'planned_at', utc(r.planned_at),
        'completed_at', utc(r.completed_at), 'deadline_at', utc(r.deadline_at),
        'duration_seconds', round(extract(epoch FROM r.completed_at - r.started_at), 3), 'fills', r.fills,
        'settled', r.settled, 'detail', r.detail, 'host', r.host, 'instance', r.instance,
        'members', (SELECT coalesce(json_agg(json_build_object('strategy', m.strategy, 'status', m.status, 'detail', m.detail,
                'model', json_build_object('name', m.model_name, 'version', m.model_version), 'targets', m.targets)
                ORDER BY m.strategy), '[]') FROM run_members m WHERE m.run_id = r.run_id),
        'legs', (SELECT coalesce(json_agg(json_build_object('leg', l.leg, 'symbol', l.symbol, 'side', l.side, 'qty',
        plain(l.qty),
                'decision_price', plain(l.decision_price), 'filled_qty', (SELECT plain(coalesce(sum(f.qty), 0)) FROM fills f
                    JOIN intents i USING (client_order_id) WHERE i.run_id = l.run_id AND i.leg = l.leg),
                'allocations', (SELECT json_agg(json_build_object('strategy', a.strategy, 'qty', plain(a.qty)) ORDER BY a.line)
                    FROM leg_allocations a WHERE a.run_id = l.run_id AND a.leg = l.leg)) ORDER BY l.leg), '[]')
                FROM legs l WHERE l.run_id = r.run_id),
        'transfers', (SELECT coalesce(json_agg(json_build_object('symbol', t.symbol, 'from', t.from_book, 'to', t.to_book,
                'qty', plain(t.qty), 'price', plain(t.price)) ORDER BY t.line), '[]') FROM book_transfers t
                WHERE t.run_id = r.run_id),
        'orders', (SELECT coalesce(json_agg(json_build_object('client_order_id', i.client_order_id, 'order_id', o.order_id,
        'run_id', i.run_id, 'leg', i.leg,
        'try', i.try_no, 'strategy', nullif(i.strategy, ''), 'account', i.account_number, 'session', i.session,
        'symbol', i.symbol, 'side', i.side, 'type', i.type, 'time_in_force', i.time_in_force, 'qty', plain(i.qty),
        'notional', plain(i.notional), 'limit_price', plain(i.limit_price), 'extended_hours', i.extended_hours, 'class',
        i.class,
        'status', o.status, 'filled_qty', plain(o.filled_qty), 'filled_avg_price', plain(o.filled_avg_price),
        'reserved', plain(i.reserved), 'expected_price', plain(i.decision_price), 'bid', plain(i.bid), 'ask', plain(i.ask),
        'spread', plain(i.ask - i.bid), 'reason', o.reason, 'created_at', utc(i.created_at), 'sent_at', utc(o.sent_at),
        'answered_at', utc(o.answered_at), 'updated_at', utc(o.updated_at)) ORDER BY i.created_at, i.client_order_id), '[]')
                FROM intents i JOIN orders o USING (client_order_id) WHERE i.run_id = r.run_id))
FROM runs r JOIN run_statuses s USING (status) LEFT JOIN run_counts c USING (run_id)
WHERE r.account_number = (SELECT account_number FROM instances WHERE instance = $8)
    AND ($1::text IS NULL OR r.run_id = $1) AND ($2::text IS NULL OR r.run_id = $2)
    AND ($3::text IS NULL OR EXISTS (SELECT FROM legs l WHERE l.run_id = r.run_id AND l.symbol = $3))
    AND ($4::text IS NULL OR $4 IN (r.status, CASE WHEN s.terminal THEN r.status ELSE 'running' END))
    AND ($5::text IS NULL OR $5 = ANY (r.strategies))
ORDER BY r.session DESC, r.started_at DESC NULLS LAST LIMIT $6::bigint OFFSET $7::bigint
