-- One page of a chain and its head, seen at one instant. One row before the days asked for, and one behind them.
WITH page AS (
    SELECT d.* FROM public.decisions d WHERE d.host = $1 AND d.instance = $2 AND d.seq > $3::bigint
        AND ($4::date IS NULL OR d.seq >= (SELECT min(x.seq) - 1 FROM public.decisions x
            WHERE x.host = $1 AND x.instance = $2 AND x.at >= $4::date::timestamp AT TIME ZONE 'UTC'))
        AND ($5::date IS NULL OR d.seq <= (SELECT max(x.seq) + 1 FROM public.decisions x
            WHERE x.host = $1 AND x.instance = $2 AND x.at < ($5::date + 1)::timestamp AT TIME ZONE 'UTC'))
    ORDER BY d.seq LIMIT $6::bigint
)
SELECT coalesce(string_agg(json_build_object('host', d.host, 'instance', d.instance, 'seq', d.seq, 'decision_key', d.decision_key,
        'kind', d.kind, 'subject', d.subject, 'answer', d.answer, 'rule', d.rule, 'detail', d.detail, 'at', public.utc(d.at), 'hash',
        d.hash)::text, E'\n' ORDER BY d.seq), '') AS lines, count(*) AS rows, coalesce(max(d.seq), 0) AS last,
    (SELECT json_build_object('head', json_build_object('host', h.host, 'instance', h.instance, 'seq', h.seq, 'hash', h.hash))::text
        FROM public.decision_heads h WHERE h.host = $1 AND h.instance = $2) AS head
FROM page d
