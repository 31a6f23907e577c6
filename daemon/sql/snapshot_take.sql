SELECT take_snapshot(ROW($1, $2::date, $3::timestamptz, $4::numeric, $5::numeric, $6::numeric, $7::numeric, $8::numeric, $9,
    $10)::equity_snapshots, $11::jsonb) AS verdict
