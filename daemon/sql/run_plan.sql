SELECT store_plan($1, $2::timestamptz, $3::bigint, $4, $5::jsonb, $6::jsonb, $7::jsonb) AS verdict
