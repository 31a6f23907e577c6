SELECT add_decision(ROW($2, $3, NULL, $1, $4, $5, $6, $7, $8, $9::timestamptz, NULL)::decisions)
