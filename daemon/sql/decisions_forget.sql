SELECT forget_decisions($1, $2, $3::timestamptz, $4::bigint, $5, $6::timestamptz) AS rows
