WITH mine AS (
    SELECT account_number FROM instances WHERE instance = $8
), named AS (
    SELECT DISTINCT unnest(r.strategies) AS strategy FROM runs r JOIN mine USING (account_number)
    UNION SELECT b.book FROM books b JOIN mine USING (account_number) WHERE b.book <> 'unassigned' AND b.qty <> 0
), latest AS ( -- what the broker said of each symbol when it was looked at last
    SELECT p.symbol, p.current_price, p.at FROM position_snapshots p JOIN mine USING (account_number)
    WHERE p.at = (SELECT max(e.at) FROM equity_snapshots e JOIN mine USING (account_number))
), page AS (
    SELECT n.strategy, last.run_id, last.session, last.started_at, last.run_status, last.member_status, last.detail,
        last.model_name, last.model_version, last.targets
    FROM named n LEFT JOIN LATERAL (
        SELECT r.run_id, r.session, r.started_at, r.status AS run_status, m.status AS member_status, m.detail, m.model_name,
            m.model_version, m.targets
        FROM runs r JOIN mine USING (account_number) LEFT JOIN run_members m ON m.run_id = r.run_id AND m.strategy = n.strategy
        WHERE n.strategy = ANY (r.strategies) AND r.status <> 'missed'
            AND ($9::date IS NULL OR r.session >= $9::date) AND ($10::date IS NULL OR r.session <= $10::date)
        ORDER BY r.session DESC, r.started_at DESC NULLS LAST, r.run_id LIMIT 1) last ON true
    WHERE ($1::text IS NULL OR n.strategy = $1) AND ($5::text IS NULL OR n.strategy = $5)
        AND ($2::text IS NULL OR last.run_id = $2)
        AND ($3::text IS NULL OR EXISTS (SELECT FROM books b JOIN mine USING (account_number)
            WHERE b.book = n.strategy AND b.symbol = $3 AND b.qty <> 0))
        AND ($4::text IS NULL OR last.member_status = $4)
        AND ($9::date IS NULL AND $10::date IS NULL OR last.run_id IS NOT NULL)
    ORDER BY n.strategy COLLATE "C" LIMIT $6::bigint OFFSET $7::bigint
)
SELECT coalesce(json_agg(json_build_object(
        'strategy', p.strategy, 'last_status', p.member_status, 'last_detail', p.detail, 'last_run_id', p.run_id,
        'last_run_status', p.run_status, 'last_session', p.session, 'last_started_at', utc(p.started_at),
        'model', CASE WHEN p.model_name <> '' THEN json_build_object('name', p.model_name, 'version', p.model_version) END,
        'targets', CASE WHEN jsonb_typeof(p.targets) = 'array' THEN jsonb_array_length(p.targets) END,
        'runs_ok', counts.ok, 'runs_failed', counts.failed, 'last_ok_at', utc(counts.last_ok),
        'book', json_build_object('positions', book.positions, 'cost', plain(book.cost), 'market_value',
            CASE WHEN book.priced THEN plain(book.value) END, 'as_of', utc(book.as_of)))
        ORDER BY p.strategy COLLATE "C"), '[]')
FROM page p CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE m.status = 'ok') AS ok, count(*) FILTER (WHERE m.status NOT IN ('ok', 'paused')) AS failed,
        max(r.started_at) FILTER (WHERE m.status = 'ok') AS last_ok
    FROM run_members m JOIN runs r USING (run_id) JOIN mine USING (account_number) WHERE m.strategy = p.strategy) counts
CROSS JOIN LATERAL (
    SELECT count(*) AS positions, coalesce(sum(b.cost), 0) AS cost, coalesce(round(sum(b.qty * l.current_price), 9), 0) AS value,
        coalesce(bool_and(l.current_price IS NOT NULL), true) AS priced, min(l.at) AS as_of
    FROM books b JOIN mine USING (account_number) LEFT JOIN latest l USING (symbol)
    WHERE b.book = p.strategy AND b.qty <> 0) book
