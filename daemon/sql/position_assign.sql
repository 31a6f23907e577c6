SELECT assign_position($1, $2, $3, $4, $5::numeric(20, 9), $6::numeric(20, 9), $7::timestamptz, $8, $9) AS verdict
