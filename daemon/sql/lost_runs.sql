SELECT keep_lost_runs($1, $2, $3, $4, $5::timestamptz) AS kept
