-- An order that risk refused has decisions only: its intent was never written.
WITH asked AS (
    SELECT coalesce((SELECT o.client_order_id FROM orders o WHERE $1::text IN (o.client_order_id, o.order_id)), $1::text) AS id
    WHERE coalesce($2::text, $3::text, $4::text, $5::text) IS NULL
), decided AS (
    SELECT d.* FROM decisions d JOIN asked ON d.subject = asked.id WHERE d.instance = $8
)
SELECT json_build_object('client_order_id', a.id, 'order_id', o.order_id, 'run_id', i.run_id, 'session', i.session,
        'status', coalesce(o.status, 'denied'), 'request', i.body::json, 'reserved', plain(i.reserved),
        'class', i.class, 'strategy', nullif(i.strategy, ''), 'created_at', utc(i.created_at), 'sent_at', utc(o.sent_at),
        'answered_at', utc(o.answered_at),
        'events', (SELECT coalesce(json_agg(json_build_object('at', utc(e.at), 'status', e.status,
                'filled_qty', plain(e.filled_qty), 'filled_avg_price', plain(e.filled_avg_price), 'order_id', e.order_id,
                'broker_at', utc(e.broker_at), 'source', e.source, 'reason', e.reason) ORDER BY e.event_id), '[]')
            FROM order_events e WHERE e.client_order_id = i.client_order_id),
        'decisions', (SELECT coalesce(json_agg(json_build_object('at', utc(d.at), 'kind', d.kind, 'answer', d.answer,
                'rule', d.rule, 'detail', d.detail, 'seq', d.seq, 'hash', d.hash) ORDER BY d.at, d.seq), '[]') FROM decided d),
        'fills', (SELECT coalesce(json_agg(json_build_object('activity_id', f.activity_id, 'qty', plain(f.qty),
                'price', plain(f.price), 'transaction_time', utc(f.transaction_time), 'recorded_at', utc(f.recorded_at))
                ORDER BY f.transaction_time, f.activity_id COLLATE "C"), '[]')
            FROM fills f WHERE f.client_order_id = i.client_order_id))
FROM asked a LEFT JOIN intents i ON i.client_order_id = a.id
        AND i.account_number = (SELECT account_number FROM instances WHERE instance = $8)
    LEFT JOIN orders o ON o.client_order_id = i.client_order_id
WHERE i.client_order_id IS NOT NULL OR EXISTS (SELECT FROM decided)
LIMIT $6::bigint OFFSET $7::bigint
