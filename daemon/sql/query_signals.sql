WITH asked AS (
    SELECT r.run_id, r.session, r.planned_at, m.strategy, m.model_name, m.model_version, m.targets,
        row_number() OVER (PARTITION BY m.strategy ORDER BY r.planned_at DESC, r.run_id) AS age
    FROM runs r JOIN run_members m USING (run_id)
    WHERE r.account_number = (SELECT account_number FROM instances WHERE instance = $8) AND m.status = 'ok'
        AND ($2::text IS NULL OR r.run_id = $2) AND ($5::text IS NULL OR m.strategy = $5)
        AND ($9::date IS NULL OR r.session >= $9::date) AND ($10::date IS NULL OR r.session <= $10::date)
)
SELECT coalesce(json_agg(json_build_object(
        'symbol', s.symbol, 'weight', s.weight, 'confidence', s.confidence, 'reason', s.reason, 'strategy', s.strategy,
        'run_id', s.run_id, 'session', s.session, 'model', json_build_object('name', s.model_name, 'version', s.model_version),
        'as_of', utc(s.planned_at)) ORDER BY s.planned_at DESC, s.strategy COLLATE "C", s.line), '[]')
FROM (
    SELECT a.*, t.line, t.target ->> 'symbol' AS symbol, t.target ->> 'weight' AS weight,
        t.target ->> 'confidence' AS confidence, t.target ->> 'reason' AS reason
    FROM asked a, jsonb_array_elements(CASE WHEN jsonb_typeof(a.targets) = 'array' THEN a.targets ELSE '[]' END)
        WITH ORDINALITY t (target, line)
    -- The newest of each strategy, unless sessions or a run were asked for.
    WHERE (a.age = 1 OR $9::date IS NOT NULL OR $10::date IS NOT NULL) AND ($3::text IS NULL OR t.target ->> 'symbol' = $3)
        AND ($1::text IS NULL OR $1 IN (t.target ->> 'symbol', a.strategy)) AND ($4::text IS NULL OR $4 = 'ok')
    ORDER BY a.planned_at DESC, a.strategy COLLATE "C", t.line LIMIT $6::bigint OFFSET $7::bigint
) s
