SELECT news, cancel FROM quarantine_order(ROW($1, $2, $3, CASE WHEN starts_with($3, 'pg1-') THEN 'orphan' ELSE 'foreign' END, $4,
    $5, $6, $7, $8::numeric(20, 9), $9::numeric(20, 9), $10::numeric(20, 9), $11::numeric(20, 9), $12, $13::numeric(20, 9),
    $14::numeric(20, 9), $15::timestamptz, $16::timestamptz, $17::timestamptz, $17::timestamptz, NULL, NULL, NULL, NULL, NULL,
    NULL)::quarantine, $17::timestamptz)
