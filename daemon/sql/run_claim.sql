SELECT claim_run(ROW($1, $2, $3::date, $4, $5, $6, string_to_array($7, ' '), $8, $9::timestamptz, $10::timestamptz,
    $11::timestamptz, $12::timestamptz, $13::timestamptz, $14::bigint, $15::bigint, $16::bigint, $17::bigint, $18::bigint,
    $19::boolean, $20, NULL, $21, $22)::runs)
