SELECT run_id, account_number, session, slot_key, label, cause, array_to_string(strategies, ' ') AS strategies, status,
    utc(scheduled_at) AS scheduled_at, utc(started_at) AS started_at, utc(planned_at) AS planned_at,
    utc(completed_at) AS completed_at, utc(deadline_at) AS deadline_at, signals, orders_submitted, orders_accepted,
    orders_rejected, fills, settled, detail, coalesce(c.orders_planned, 0) AS orders_planned, coalesce(c.orders_skipped, 0) AS orders_skipped,
    coalesce(c.orders_failed, 0) AS orders_failed, coalesce(c.symbols, 0) AS symbols,
    coalesce(c.successful_symbols, 0) AS successful_symbols
FROM runs LEFT JOIN run_counts c USING (run_id)
WHERE run_id = $1 OR (account_number = $2 AND session = $3::date AND slot_key = $4)
