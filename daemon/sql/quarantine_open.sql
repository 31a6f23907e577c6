SELECT order_id, client_order_id, symbol, side, type, time_in_force, plain(qty) AS qty, plain(notional) AS notional,
    plain(limit_price) AS limit_price, plain(stop_price) AS stop_price, status, plain(filled_qty) AS filled_qty,
    plain(filled_avg_price) AS filled_avg_price, utc(submitted_at) AS submitted_at, utc(broker_at) AS broker_at,
    cancel_asked_at IS NOT NULL AS cancel
FROM quarantine WHERE account_number = $1 AND ended_at IS NULL ORDER BY first_seen_at, order_id
