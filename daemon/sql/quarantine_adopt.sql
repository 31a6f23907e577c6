SELECT quarantine_adopt($1, $2, $3, $4::date, $5::numeric, $6, $7, $8::timestamptz, $9, $10) AS verdict
