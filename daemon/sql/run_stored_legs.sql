SELECT l.leg, l.symbol, l.side, plain(l.qty) AS qty, plain(l.decision_price) AS decision_price,
    string_agg(a.strategy, ' ' ORDER BY a.line) AS strategies
FROM legs l LEFT JOIN leg_allocations a USING (run_id, leg)
WHERE l.run_id = $1
GROUP BY l.run_id, l.leg
ORDER BY l.leg
