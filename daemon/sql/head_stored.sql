INSERT INTO stored_heads VALUES ($1, $2, $3, $4::date, $5, $6::bigint, $7, $8::timestamptz) ON CONFLICT DO NOTHING
