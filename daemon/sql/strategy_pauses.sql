SELECT strategy, reason, source, utc(at) AS at FROM (
    SELECT DISTINCT ON (strategy) strategy, paused, reason, source, at FROM strategy_pauses WHERE instance = $1
    ORDER BY strategy, pause_id DESC
) newest WHERE paused ORDER BY strategy
