SELECT coalesce(json_agg(json_build_object(
        'account', e.account_number, 'session', e.session, 'at', utc(e.at), 'equity', plain(e.equity), 'cash', plain(e.cash),
        'buying_power', plain(e.buying_power), 'long_market_value', plain(e.long_market_value),
        'short_market_value', plain(e.short_market_value), 'source', e.source, 'run_id', e.run_id,
        'positions', (SELECT coalesce(json_agg(json_build_object('symbol', p.symbol, 'qty', plain(p.qty),
                'avg_entry_price', plain(p.avg_entry_price), 'market_value', plain(p.market_value),
                'current_price', plain(p.current_price)) ORDER BY p.symbol COLLATE "C"), '[]')
            FROM position_snapshots p WHERE p.account_number = e.account_number AND p.at = e.at))
        ORDER BY e.at DESC), '[]')
FROM (
    SELECT e.account_number, e.at FROM equity_snapshots e
    WHERE e.account_number = (SELECT account_number FROM instances WHERE instance = $8)
        AND ($1::text IS NULL OR utc(e.at) = $1) AND ($2::text IS NULL OR e.run_id = $2)
        AND ($3::text IS NULL OR EXISTS (SELECT FROM position_snapshots p
            WHERE p.account_number = e.account_number AND p.at = e.at AND p.symbol = $3))
        AND ($4::text IS NULL OR e.source = $4)
        AND ($5::text IS NULL OR EXISTS (SELECT FROM runs r WHERE r.run_id = e.run_id AND $5 = ANY (r.strategies)))
        AND ($9::date IS NULL OR e.session >= $9::date) AND ($10::date IS NULL OR e.session <= $10::date)
        AND ($11::timestamptz IS NULL OR e.at < $11::timestamptz)
    ORDER BY e.at DESC LIMIT $6::bigint OFFSET $7::bigint
) page JOIN equity_snapshots e USING (account_number, at)
