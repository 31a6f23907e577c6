SELECT quarantine_cancel($1, $2, $3, $4, $5::timestamptz) AS verdict
