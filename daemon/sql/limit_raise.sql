INSERT INTO limit_raises (account_number, name, value, until, reason, operator, at)
    VALUES ($1, $2, $3::numeric, $4::timestamptz, $5, $6, $7::timestamptz)
RETURNING 'applied' AS verdict
