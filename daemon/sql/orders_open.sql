SELECT i.client_order_id, i.account_number, i.session, i.run_id, i.leg, i.try_no, i.strategy, i.class, i.symbol, i.side, i.type,
    i.time_in_force, plain(i.qty) AS qty, plain(i.notional) AS notional, plain(i.limit_price) AS limit_price, i.extended_hours,
    plain(i.reserved) AS reserved, plain(i.decision_price) AS decision_price, plain(i.bid) AS bid, plain(i.ask) AS ask,
    utc(i.created_at) AS created_at, o.order_id, o.status, plain(o.filled_qty) AS filled_qty,
    plain(o.filled_avg_price) AS filled_avg_price, utc(o.sent_at) AS sent_at, utc(o.answered_at) AS answered_at,
    utc(o.updated_at) AS updated_at, o.reason,
    coalesce(retry_until(i.client_order_id), (SELECT utc(r.completed_at) FROM runs r WHERE r.run_id = i.run_id)) AS send_until
FROM orders o JOIN intents i USING (client_order_id)
WHERE o.open AND i.account_number = $1
ORDER BY i.created_at, i.client_order_id
