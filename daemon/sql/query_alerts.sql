SELECT coalesce(json_agg(json_build_object(
        'id', d.alert_id, 'kind', d.kind, 'subject', d.subject, 'detail', d.detail,
        'at', utc(d.at), 'host', d.host, 'instance', d.instance)
        ORDER BY d.at DESC, d.alert_id DESC), '[]')
FROM (
    SELECT d.alert_id FROM alerts d
    WHERE d.instance = $8 AND ($1::text IS NULL OR d.alert_id::text = $1) AND ($4::text IS NULL OR d.kind = $4)
        AND ($2::text IS NULL OR d.subject = $2) AND ($3::text IS NULL OR d.subject = $3)
        AND ($5::text IS NULL OR d.subject = $5)
        AND ($9::date IS NULL OR d.at >= session_start($9::date))
        AND ($10::date IS NULL OR d.at < session_start($10::date + 1))
        AND ($11::timestamptz IS NULL OR (d.at, d.alert_id) < ($11::timestamptz, $12::bigint))
    ORDER BY d.at DESC, d.alert_id DESC LIMIT $6::bigint OFFSET $7::bigint
) page JOIN alerts d USING (alert_id)
