SELECT coalesce(json_agg(json_build_object(
        'client_order_id', i.client_order_id, 'order_id', o.order_id, 'run_id', i.run_id, 'correlation_id', i.run_id,
        'leg', i.leg, 'try', i.try_no, 'strategy', nullif(i.strategy, ''), 'account', i.account_number,
        'session', i.session, 'symbol', i.symbol, 'side', i.side, 'type', i.type, 'time_in_force', i.time_in_force,
        'qty', plain(i.qty), 'notional', plain(i.notional), 'limit_price', plain(i.limit_price),
        'extended_hours', i.extended_hours, 'class', i.class,
        'origin', CASE WHEN i.run_id IS NOT NULL THEN 'run' WHEN EXISTS (SELECT FROM quarantine x
            WHERE x.order_id = o.order_id AND x.outcome = 'adopted') THEN 'adopted' ELSE 'http' END,
        'status', o.status, 'filled_qty', plain(o.filled_qty), 'filled_avg_price', plain(o.filled_avg_price),
        'reserved', plain(i.reserved), 'expected_price', plain(i.decision_price), 'bid', plain(i.bid), 'ask', plain(i.ask),
        'spread', plain(i.ask - i.bid), 'quote_at', utc(d.quote_at), 'price_at', utc(d.price_at),
        'fill', CASE WHEN f.qty > 0 THEN json_build_object('recorded_qty', plain(f.qty), 'fills', f.fills,
            'bid', plain(q.bid), 'ask', plain(q.ask), 'spread', plain(q.ask - q.bid), 'quote_at', utc(q.quote_at),
            'slippage_bps', slippage_bps(i.side, i.decision_price * f.qty, f.paid)::text,
            'slippage_amount', plain(slippage_amount(i.side, i.decision_price, f.qty, f.paid)),
            'time_to_first_fill_ms', greatest(0, round(extract(epoch FROM f.first_at - coalesce(o.sent_at, i.created_at)) * 1000)),
            'time_to_fill_ms', greatest(0, round(extract(epoch FROM f.last_at - coalesce(o.sent_at, i.created_at)) * 1000)),
            'filled_at', utc(f.last_at)) END,
        'execution_steps', (SELECT json_agg(json_build_object('try', s.try_no, 'type', s.type,
                'limit_price', plain(s.limit_price), 'status', so.status, 'filled_qty', plain(so.filled_qty),
                'sent_at', utc(so.sent_at)) ORDER BY s.try_no)
            FROM intents s JOIN orders so USING (client_order_id)
            WHERE s.run_id = i.run_id AND s.leg = i.leg AND s.try_no <= i.try_no),
        'strategies', coalesce((SELECT json_agg(json_build_object('strategy', a.strategy, 'qty', plain(a.qty), 'weight',
                plain(round(abs(a.qty) / l.qty, 9))) ORDER BY a.line)
            FROM leg_allocations a JOIN legs l USING (run_id, leg) WHERE a.run_id = i.run_id AND a.leg = i.leg),
            json_build_array(json_build_object('strategy', coalesce(nullif(i.strategy, ''), 'unassigned'),
                'qty', CASE i.side WHEN 'buy' THEN plain(i.qty) ELSE plain(-i.qty) END, 'weight', '1'))),
        'parked', CASE WHEN k.parked_at IS NOT NULL THEN json_build_object('at', utc(k.parked_at), 'reason', k.reason,
            'times', k.times, 'resolved_at', utc(k.resolved_at), 'outcome', k.outcome, 'resolution', k.resolution,
            'operator', k.operator) END,
        'reason', o.reason, 'created_at', utc(i.created_at), 'sent_at', utc(o.sent_at),
        'answered_at', utc(o.answered_at), 'updated_at', utc(o.updated_at))
        ORDER BY i.created_at DESC, i.client_order_id COLLATE "C" DESC), '[]')
FROM (
    SELECT i.client_order_id FROM intents i JOIN orders o USING (client_order_id) JOIN order_statuses s USING (status)
    WHERE i.account_number = (SELECT account_number FROM instances WHERE instance = $8)
        AND ($1::text IS NULL OR i.client_order_id = ANY (ARRAY(
            SELECT k.client_order_id FROM orders k WHERE k.client_order_id = ANY (string_to_array($1, ' ')) OR k.order_id = $1)))
        AND ($2::text IS NULL OR i.run_id = $2)
        AND ($3::text IS NULL OR i.symbol = $3)
        AND ($4::text IS NULL OR o.status = $4 OR $4 = 'all'
            OR $4 = 'parked' AND (o.status = 'unknown' OR EXISTS (SELECT FROM parked_orders k
                WHERE k.client_order_id = i.client_order_id AND k.resolved_at IS NULL)) OR ($4 = 'parked' AND s.ours AND NOT s.terminal) OR ($4 = 'open') = NOT s.terminal AND $4 IN ('open', 'closed'))
        -- Few of many: found by their own indexes, judged above.
        AND ($4::text IS NULL OR $4 NOT IN ('open', 'parked', 'intent', 'sending', 'unknown', 'pending_new', 'new', 'accepted',
                'accepted_for_bidding', 'held', 'other', 'stopped', 'suspended', 'calculated', 'partially_filled', 'done_for_day',
                'pending_cancel', 'pending_replace') OR i.client_order_id = ANY (ARRAY(
            SELECT k.client_order_id FROM orders k WHERE k.open
            UNION SELECT k.client_order_id FROM parked_orders k WHERE k.resolved_at IS NULL)))
        AND ($5::text IS NULL OR i.strategy = $5 OR (SELECT true FROM leg_allocations a
            WHERE a.run_id = i.run_id AND a.leg = i.leg AND a.strategy = $5 LIMIT 1))
        AND ($9::date IS NULL OR i.session >= $9::date) AND ($10::date IS NULL OR i.session <= $10::date)
        AND ($11::timestamptz IS NULL OR (i.created_at, i.client_order_id COLLATE "C") < ($11::timestamptz, $12::text))
    ORDER BY i.created_at DESC, i.client_order_id COLLATE "C" DESC LIMIT $6::bigint OFFSET $7::bigint
) page JOIN intents i USING (client_order_id) JOIN orders o USING (client_order_id)
    LEFT JOIN decision_quotes d USING (client_order_id) LEFT JOIN parked_orders k USING (client_order_id)
    LEFT JOIN LATERAL (
        SELECT sum(x.qty) AS qty, sum(x.exact_amount) AS paid, count(*) AS fills, min(x.transaction_time) AS first_at,
            max(x.transaction_time) AS last_at
        FROM fills x WHERE x.client_order_id = i.client_order_id) f ON true
    LEFT JOIN LATERAL (
        SELECT y.bid, y.ask, y.quote_at FROM fills x JOIN fill_quotes y USING (activity_id)
        WHERE x.client_order_id = i.client_order_id ORDER BY x.transaction_time DESC, x.activity_id LIMIT 1) q ON true
