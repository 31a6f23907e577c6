SELECT recorded, differing FROM record_fills($1, $2::timestamptz, $3::jsonb)
