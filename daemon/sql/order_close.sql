SELECT close_parked($1, $2, $3, $4::timestamptz) AS verdict
