SELECT strategy, utc(since) AS since FROM watch_schedules($1, $2::jsonb, $3::timestamptz)
