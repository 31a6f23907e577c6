INSERT INTO self_tests (test_key, host, instance, cause, passed, rows_fired, rows_failed, took_us, detail, at)
VALUES ($1, $2, $3, $4, $5::boolean, $6::int, $7::int, $8::bigint, $9, $10::timestamptz) ON CONFLICT DO NOTHING
