SELECT correct_ledger($1, $2, $3::timestamptz, $4::numeric(20, 9), $5::jsonb, $6, $7) AS verdict
