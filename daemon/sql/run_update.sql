WITH changed AS (
    UPDATE runs r SET status = $2, started_at = coalesce($3::timestamptz, r.started_at),
        planned_at = coalesce($4::timestamptz, r.planned_at), completed_at = coalesce($5::timestamptz, r.completed_at),
        deadline_at = coalesce($6::timestamptz, r.deadline_at), signals = $7::bigint, orders_submitted = $8::bigint,
        orders_accepted = $9::bigint, orders_rejected = $10::bigint, fills = $11::bigint, settled = $12::boolean, detail = $13
    FROM run_statuses was, run_statuses want
    WHERE r.run_id = $1 AND was.status = r.status AND want.status = $2
        AND (was.status = want.status OR NOT was.terminal AND want.rank > was.rank)
        AND (want.status <> 'planned' OR r.plan_digest IS NOT NULL)
    RETURNING r.run_id
), counted AS (
    INSERT INTO run_counts SELECT run_id, $14::bigint, $15::bigint, $16::bigint, $17::bigint, $18::bigint FROM changed
    ON CONFLICT (run_id) DO UPDATE SET orders_planned = EXCLUDED.orders_planned, orders_skipped = EXCLUDED.orders_skipped,
        orders_failed = EXCLUDED.orders_failed, symbols = EXCLUDED.symbols, successful_symbols = EXCLUDED.successful_symbols
)
SELECT (SELECT count(*) FROM changed) AS changed, (SELECT status FROM runs WHERE run_id = $1) AS status
