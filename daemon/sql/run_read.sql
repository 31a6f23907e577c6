SELECT run_id, account_number, session, slot_key, label, cause, array_to_string(strategies, ' ') AS strategies, status,
    utc(scheduled_at) AS scheduled_at, utc(started_at) AS started_at, utc(planned_at) AS planned_at,
    utc(completed_at) AS completed_at, utc(deadline_at) AS deadline_at, signals, orders_submitted, orders_accepted,
    orders_rejected, fills, settled, detail
FROM runs WHERE run_id = $1 OR (account_number = $2 AND session = $3::date AND slot_key = $4)
