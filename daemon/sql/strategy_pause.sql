SELECT set_strategy_pause($1, $2, $3::boolean, $4, $5, $6::timestamptz, $7) AS verdict
