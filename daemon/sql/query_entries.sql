SELECT coalesce(json_agg(json_build_object(
        'entry_id', e.entry_id, 'kind', e.kind, 'at', utc(e.at), 'activity_id', e.activity_id, 'run_id', e.run_id,
        'detail', e.detail, 'reason', c.reason, 'operator', c.operator,
        'postings', (SELECT json_agg(json_build_object('part', p.part, 'book', nullif(p.book, ''), 'symbol', p.symbol,
                'qty', plain(p.qty), 'amount', plain(p.amount)) ORDER BY p.line)
            FROM postings p WHERE p.entry_id = e.entry_id))
        ORDER BY e.at DESC, e.entry_id DESC), '[]')
FROM (
    SELECT e.entry_id FROM entries e
    WHERE e.account_number = (SELECT account_number FROM instances WHERE instance = $8)
        AND ($1::text IS NULL OR $1 IN (e.entry_id::text, e.activity_id)) AND ($2::text IS NULL OR e.run_id = $2)
        AND ($3::text IS NULL OR EXISTS (SELECT FROM postings p WHERE p.entry_id = e.entry_id AND p.symbol = $3))
        AND ($4::text IS NULL OR e.kind = $4)
        AND ($5::text IS NULL OR EXISTS (SELECT FROM postings p WHERE p.entry_id = e.entry_id AND p.book = $5))
        AND ($9::date IS NULL OR e.at >= session_start($9::date))
        AND ($10::date IS NULL OR e.at < session_start($10::date + 1))
        AND ($11::timestamptz IS NULL OR (e.at, e.entry_id) < ($11::timestamptz, $12::bigint))
    ORDER BY e.at DESC, e.entry_id DESC LIMIT $6::bigint OFFSET $7::bigint
) page JOIN entries e USING (entry_id) LEFT JOIN corrections c USING (entry_id)
