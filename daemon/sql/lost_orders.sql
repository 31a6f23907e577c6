SELECT lost, first FROM note_lost_orders($1, $2::jsonb, $3::timestamptz)
