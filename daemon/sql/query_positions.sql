SELECT coalesce(json_agg(json_build_object(
        'book', b.book, 'symbol', b.symbol, 'side', CASE WHEN b.qty < 0 THEN 'short' ELSE 'long' END,
        'qty', plain(b.qty), 'cost', plain(b.cost), 'avg_entry_price', plain(round(b.cost / b.qty, 9)))
        ORDER BY b.book COLLATE "C", b.symbol COLLATE "C"), '[]')
FROM (
    SELECT b.account_number, b.book, b.symbol FROM books b
    WHERE b.account_number = (SELECT account_number FROM instances WHERE instance = $8) AND b.qty <> 0
        AND ($1::text IS NULL OR $1 IN (b.book, b.symbol)) AND ($3::text IS NULL OR b.symbol = $3)
        AND ($4::text IS NULL OR $4 = CASE WHEN b.qty < 0 THEN 'short' ELSE 'long' END)
        AND ($5::text IS NULL OR b.book = $5)
        AND ($2::text IS NULL OR b.book = ANY ((SELECT r.strategies FROM runs r WHERE r.run_id = $2)::text[]))
    ORDER BY b.book COLLATE "C", b.symbol COLLATE "C" LIMIT $6::bigint OFFSET $7::bigint
) page JOIN books b USING (account_number, book, symbol)
