SELECT commit_quoted_intent(ROW($1, $2, $3::date, $4, $5::integer, $6::integer, $7, $8, $9, $10, $11, $12,
    $13::numeric(20, 9), $14::numeric(20, 9), $15::numeric(20, 9), $16::boolean, $17, $18::numeric(20, 9),
    $19::numeric(20, 9), $20::numeric(20, 9), $21::numeric(20, 9), $22::timestamptz, $23, $24)::intents,
    $25::timestamptz, $26::timestamptz) AS verdict
