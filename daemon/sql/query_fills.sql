SELECT coalesce(json_agg(json_build_object(
        'activity_id', f.activity_id, 'order_id', f.order_id, 'client_order_id', f.client_order_id,
        'run_id', i.run_id, 'correlation_id', i.run_id, 'symbol', f.symbol, 'side', f.side,
        'direction', f.side, 'qty', plain(f.qty),
        'price', plain(f.price), 'partial', f.partial, 'cum_qty', plain(f.cum_qty), 'leaves_qty', plain(f.leaves_qty),
        'exact_amount', plain(f.exact_amount), 'amount', plain(f.cents), 'expected_price', plain(i.decision_price), 'bid',
        plain(i.bid),
        'ask', plain(i.ask), 'spread', plain(i.ask - i.bid), 'quote_at', utc(d.quote_at),
        'bid_at_fill', plain(q.bid), 'ask_at_fill', plain(q.ask), 'spread_at_fill', plain(q.ask - q.bid),
        'quote_at_fill', utc(q.quote_at),
        'slippage_bps', slippage_bps(f.side, i.decision_price, f.price)::text,
        'slippage_amount', plain(slippage_amount(f.side, i.decision_price, f.qty, f.exact_amount)),
        'order_type', i.type,
        'execution_steps', (SELECT json_agg(json_build_object('try', s.try_no, 'type', s.type,
                'limit_price', plain(s.limit_price), 'status', so.status, 'filled_qty', plain(so.filled_qty),
                'sent_at', utc(so.sent_at)) ORDER BY s.try_no)
            FROM intents s JOIN orders so USING (client_order_id)
            WHERE s.run_id = i.run_id AND s.leg = i.leg AND s.try_no <= i.try_no),
        'time_to_fill_ms', greatest(0, round(extract(epoch FROM f.transaction_time - coalesce(o.sent_at, i.created_at)) * 1000)),
        'decided_at', utc(i.created_at), 'sent_at', utc(o.sent_at), 'transaction_time', utc(f.transaction_time),
        'recorded_at', utc(f.recorded_at),
        'strategies', (SELECT coalesce(json_agg(json_build_object('strategy', p.book, 'qty', plain(p.qty), 'weight',
                plain(round(abs(p.qty) / f.qty, 9))) ORDER BY p.line), '[]')
            FROM entries e JOIN postings p USING (entry_id) WHERE e.activity_id = f.activity_id AND p.part = 'position'))
        ORDER BY f.transaction_time DESC, f.activity_id COLLATE "C" DESC), '[]')
FROM (
    SELECT f.activity_id FROM fills f LEFT JOIN intents i USING (client_order_id) LEFT JOIN orders o USING (client_order_id)
    WHERE f.account_number = (SELECT account_number FROM instances WHERE instance = $8)
        AND ($1::text IS NULL OR $1 IN (f.activity_id, f.order_id, f.client_order_id))
        AND ($2::text IS NULL OR i.run_id = $2) AND ($3::text IS NULL OR f.symbol = $3)
        AND ($4::text IS NULL OR $4 = CASE WHEN f.partial THEN 'partial_fill' ELSE 'fill' END)
        -- One by one from the newest until there are enough: joined as a whole they would all be read.
        AND ($5::text IS NULL OR EXISTS (SELECT FROM books b WHERE b.account_number = f.account_number AND b.book = $5)
            AND (SELECT true FROM entries e JOIN postings p USING (entry_id)
                WHERE e.activity_id = f.activity_id AND p.part = 'position' AND p.book = $5 LIMIT 1))
        AND ($9::date IS NULL OR f.transaction_time >= session_start($9::date))
        AND ($10::date IS NULL OR f.transaction_time < session_start($10::date + 1))
        AND ($11::timestamptz IS NULL OR (f.transaction_time, f.activity_id COLLATE "C") < ($11::timestamptz, $12::text))
    ORDER BY f.transaction_time DESC, f.activity_id COLLATE "C" DESC LIMIT $6::bigint OFFSET $7::bigint
) page JOIN fills f USING (activity_id) LEFT JOIN intents i USING (client_order_id)
    LEFT JOIN orders o USING (client_order_id) LEFT JOIN decision_quotes d USING (client_order_id)
    LEFT JOIN fill_quotes q ON q.activity_id = f.activity_id
