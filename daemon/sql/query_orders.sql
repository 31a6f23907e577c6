SELECT coalesce(json_agg(json_build_object(
        'client_order_id', i.client_order_id, 'order_id', o.order_id, 'run_id', i.run_id, 'leg', i.leg,
        'try', i.try_no, 'strategy', nullif(i.strategy, ''), 'account', i.account_number, 'session', i.session,
        'symbol', i.symbol, 'side', i.side, 'type', i.type, 'time_in_force', i.time_in_force, 'qty', plain(i.qty),
        'notional', plain(i.notional), 'limit_price', plain(i.limit_price), 'extended_hours', i.extended_hours, 'class',
        i.class,
        'status', o.status, 'filled_qty', plain(o.filled_qty), 'filled_avg_price', plain(o.filled_avg_price),
        'reserved', plain(i.reserved), 'expected_price', plain(i.decision_price), 'bid', plain(i.bid), 'ask', plain(i.ask),
        'spread', plain(i.ask - i.bid), 'reason', o.reason, 'created_at', utc(i.created_at), 'sent_at', utc(o.sent_at),
        'answered_at', utc(o.answered_at), 'updated_at', utc(o.updated_at))
        ORDER BY i.created_at DESC, i.client_order_id), '[]')
FROM (
    SELECT i.client_order_id FROM intents i JOIN orders o USING (client_order_id) JOIN order_statuses s USING (status)
    WHERE i.account_number = (SELECT account_number FROM instances WHERE instance = $8)
        AND ($1::text IS NULL OR $1 IN (i.client_order_id, o.order_id)) AND ($2::text IS NULL OR i.run_id = $2)
        AND ($3::text IS NULL OR i.symbol = $3)
        AND ($4::text IS NULL OR o.status = $4 OR $4 = 'all' OR ($4 = 'parked' AND s.ours AND NOT s.terminal) OR ($4 = 'open') = NOT s.terminal AND $4 IN ('open', 'closed'))
        AND ($5::text IS NULL OR i.strategy = $5 OR EXISTS (SELECT FROM leg_allocations a
            WHERE a.run_id = i.run_id AND a.leg = i.leg AND a.strategy = $5))
        AND ($9::date IS NULL OR i.session >= $9::date) AND ($10::date IS NULL OR i.session <= $10::date)
    ORDER BY i.created_at DESC, i.client_order_id LIMIT $6::bigint OFFSET $7::bigint
) page JOIN intents i USING (client_order_id) JOIN orders o USING (client_order_id)
