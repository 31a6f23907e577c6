SELECT public.write_halt($7, $5, $6, h.state, format('host %s, which led before, was halted: %s', left(h.host, 40), left(h.reason, 80)),
        'takeover', $8::timestamptz)
    FROM public.leaders l JOIN public.halt_state h ON h.host = $4 AND h.instance = $6 AND h.state <> 'running'
    WHERE l.account_number = $1 AND l.epoch = $2::bigint + 1 AND l.holder = $3 AND l.host = $5 AND h.host <> $5
        AND NOT EXISTS (SELECT FROM public.halt_state own WHERE own.host = $5 AND own.instance = $6 AND own.state IN ('halted', h.state))
UNION ALL
SELECT public.write_halt($7 || ' ' || s.strategy, $5, $6, s.strategy, s.state,
        format('host %s, which led before, was halted: %s', left(s.host, 40), left(s.reason, 80)), 'takeover', $8::timestamptz)
    FROM public.leaders l JOIN (
        SELECT DISTINCT ON (host, strategy) * FROM public.strategy_halts WHERE host IN ($4, $5) AND instance = $6
        ORDER BY host, strategy, event_id DESC
    ) s ON s.host = $4 AND s.host <> $5 AND s.state <> 'running'
    WHERE l.account_number = $1 AND l.epoch = $2::bigint + 1 AND l.holder = $3 AND l.host = $5
