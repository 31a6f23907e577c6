SELECT x.n, i.client_order_id IS NULL AS foreign, coalesce(o.status, '') AS status, plain(coalesce(o.filled_qty, 0)) AS filled_qty,
    coalesce(o.order_id, '') AS order_id
FROM jsonb_to_recordset($2::jsonb) AS x (n integer, id text, client_order_id text, status text, filled_qty numeric,
        submitted_at timestamptz)
    LEFT JOIN intents i ON i.client_order_id = x.client_order_id AND i.account_number = $1
    LEFT JOIN orders o ON o.client_order_id = i.client_order_id
WHERE CASE WHEN i.client_order_id IS NULL
    THEN NOT EXISTS (SELECT FROM quarantine q WHERE q.order_id = x.id AND q.ended_at IS NOT NULL)
        AND NOT coalesce(x.submitted_at <= (SELECT at FROM openings WHERE account_number = $1), false) -- part of the opening
        AND NOT (starts_with(x.client_order_id, 'pg1-') -- its record was lost, which was told
            AND EXISTS (SELECT FROM orders_of_others n WHERE n.order_id = x.id))
    ELSE o.order_id IS DISTINCT FROM x.id OR o.status <> x.status OR o.filled_qty <> x.filled_qty END
ORDER BY x.n
