SELECT recorded, differing, held, first_held, utc(newest_at) AS newest_at
FROM record_activities($1, $2::timestamptz, $3::jsonb, $4::jsonb)
