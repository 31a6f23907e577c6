SELECT order_listed($1, $2, $3, $4, $5::numeric, $6::numeric, $7::timestamptz, $8::timestamptz) AS verdict
