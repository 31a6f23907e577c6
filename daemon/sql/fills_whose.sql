SELECT DISTINCT x.id COLLATE "C" AS order_id FROM jsonb_array_elements_text($2::jsonb) AS x (id)
    WHERE NOT EXISTS (SELECT FROM orders o JOIN intents i USING (client_order_id)
            WHERE o.order_id = x.id AND i.account_number = $1)
        AND NOT EXISTS (SELECT FROM orders_of_others n WHERE n.order_id = x.id AND n.account_number = $1)
        AND NOT EXISTS (SELECT FROM quarantine q WHERE q.order_id = x.id AND q.account_number = $1)
    ORDER BY 1
