SELECT open_account($1, $2::timestamptz, $3::numeric(20, 9), $4::jsonb, $5::timestamptz, $6) AS verdict
