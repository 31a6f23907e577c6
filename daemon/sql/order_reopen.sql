SELECT reopen_order($1, $2::date, $3, $4, $5::timestamptz) AS verdict
