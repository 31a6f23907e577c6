SELECT state, reason, (
    SELECT coalesce(json_agg(json_build_object('strategy', strategy, 'state', n.state, 'reason', n.reason, 'at', utc(at)) ORDER BY strategy), '[]')
    FROM (SELECT DISTINCT ON (strategy) strategy, s.state, s.reason, at FROM strategy_halts s WHERE s.host = $1 AND s.instance = $2
          ORDER BY strategy, event_id DESC) n
    WHERE n.state <> 'running'
) AS strategies FROM halt_state WHERE host = $1 AND instance = $2
