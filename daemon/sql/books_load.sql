SELECT plain(a.cash) AS cash, a.opened, a.fill_count, b.book, b.symbol, plain(b.qty) AS qty, plain(b.cost) AS cost
FROM (SELECT coalesce((SELECT cash FROM cash_balances WHERE account_number = $1), 0) AS cash,
          EXISTS (SELECT FROM openings WHERE account_number = $1) AS opened,
          (SELECT count(*) FROM fills WHERE account_number = $1) AS fill_count) a
    LEFT JOIN books b ON b.account_number = $1 AND b.qty <> 0
ORDER BY b.book COLLATE "C", b.symbol COLLATE "C"
