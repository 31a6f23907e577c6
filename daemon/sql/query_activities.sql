SELECT coalesce(json_agg(json_build_object(
        'activity_id', a.activity_id, 'type', a.type, 'sub_type', nullif(a.sub_type, ''), 'status', a.status,
        'group_id', nullif(a.group_id, ''), 'symbol', nullif(a.symbol, ''), 'qty', plain(a.qty),
        'net_amount', plain(a.net_amount), 'date', a.date, 'created_at', utc(a.created_at), 'recorded_at', utc(a.recorded_at),
        'outcome', o.outcome, 'outcome_detail', nullif(o.detail, ''), 'entry_id', o.entry_id)
        ORDER BY a.created_at DESC, a.activity_id COLLATE "C" DESC), '[]')
FROM (
    SELECT a.activity_id FROM activities a LEFT JOIN activity_outcomes o USING (activity_id)
    WHERE a.account_number = (SELECT account_number FROM instances WHERE instance = $8)
        AND ($1::text IS NULL OR $1 IN (a.activity_id, a.group_id)) AND ($2::text IS NULL) AND ($5::text IS NULL)
        AND ($3::text IS NULL OR a.symbol = $3) AND ($4::text IS NULL OR $4 IN (o.outcome, a.type))
        AND ($9::date IS NULL OR a.created_at >= session_start($9::date))
        AND ($10::date IS NULL OR a.created_at < session_start($10::date + 1))
        AND ($11::timestamptz IS NULL OR (a.created_at, a.activity_id COLLATE "C") < ($11::timestamptz, $12::text))
    ORDER BY a.created_at DESC, a.activity_id COLLATE "C" DESC LIMIT $6::bigint OFFSET $7::bigint
) page JOIN activities a USING (activity_id) LEFT JOIN activity_outcomes o USING (activity_id)
