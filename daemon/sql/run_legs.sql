SELECT count(DISTINCT l.leg) AS legs, count(DISTINCT i.leg) AS handed_over,
    count(*) FILTER (WHERE o.status IN ('filled', 'dry_run')) AS filled,
    count(*) FILTER (WHERE o.status NOT IN ('intent', 'denied', 'not_placed')) AS submitted,
    count(*) FILTER (WHERE s.rank > 0 AND o.status NOT IN ('rejected', 'denied', 'not_placed')) AS accepted,
    count(*) FILTER (WHERE o.status IN ('rejected', 'denied')) AS rejected,
    (SELECT count(*) FROM run_members m WHERE m.run_id = $1 AND m.status <> 'ok') AS members_failed
FROM legs l LEFT JOIN intents i USING (run_id, leg) LEFT JOIN orders o USING (client_order_id)
    LEFT JOIN order_statuses s USING (status)
WHERE l.run_id = $1
