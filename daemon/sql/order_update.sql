SELECT update_order($1, $2, $3, $4::numeric, $5::numeric, $6::timestamptz, $7::timestamptz, $8, $9) AS verdict
