SELECT plain(coalesce(c.cash, 0)) AS cash, o.account_number IS NOT NULL AS opened, coalesce(c.fills, 0) AS fill_count, b.book,
    b.symbol, plain(b.qty) AS qty, plain(b.cost) AS cost, (
        SELECT count(*) FROM orders x JOIN intents i USING (client_order_id)
        WHERE x.open AND x.filled_qty > x.recorded_qty AND i.account_number = $1 AND (i.run_id IS NOT NULL OR i.strategy <> '')
    ) AS unbooked
FROM (SELECT $1 AS account_number) a LEFT JOIN openings o USING (account_number) LEFT JOIN cash_balances c USING (account_number)
    LEFT JOIN books b ON b.account_number = a.account_number AND b.qty <> 0
ORDER BY b.book COLLATE "C", b.symbol COLLATE "C"
