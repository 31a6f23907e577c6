SELECT coalesce(json_agg(json_build_object(
        'order_id', q.order_id, 'client_order_id', q.client_order_id, 'kind', q.kind, 'account', q.account_number,
        'symbol', q.symbol, 'side', q.side, 'type', q.type, 'time_in_force', q.time_in_force, 'qty', plain(q.qty),
        'notional', plain(q.notional), 'limit_price', plain(q.limit_price), 'stop_price', plain(q.stop_price),
        'status', q.status, 'filled_qty', plain(q.filled_qty), 'filled_avg_price', plain(q.filled_avg_price),
        'submitted_at', utc(q.submitted_at), 'first_seen_at', utc(q.first_seen_at), 'seen_at', utc(q.seen_at),
        'cancel_asked_at', utc(q.cancel_asked_at), 'ended_at', utc(q.ended_at), 'outcome', q.outcome,
        'strategy', nullif(q.strategy, ''), 'operator', q.operator, 'reason', q.reason)
        ORDER BY q.first_seen_at DESC, q.order_id), '[]')
FROM (
    SELECT q.order_id FROM quarantine q
    WHERE q.account_number = (SELECT account_number FROM instances WHERE instance = $8)
        AND ($1::text IS NULL OR q.order_id = $1 OR q.client_order_id = $1)
        AND ($2::text IS NULL) AND ($5::text IS NULL OR q.strategy = $5) AND ($3::text IS NULL OR q.symbol = $3)
        AND (coalesce($4::text, 'open') = 'all' OR q.status = $4 OR q.outcome = $4
            OR coalesce($4::text, 'open') = 'open' AND q.ended_at IS NULL OR $4 = 'closed' AND q.ended_at IS NOT NULL)
        AND ($9::date IS NULL OR q.first_seen_at >= session_start($9::date))
        AND ($10::date IS NULL OR q.first_seen_at < session_start($10::date + 1))
    ORDER BY q.first_seen_at DESC, q.order_id LIMIT $6::bigint OFFSET $7::bigint
) page JOIN quarantine q USING (order_id)
