INSERT INTO fill_quotes
SELECT f.activity_id, nullif($4::numeric, 0), nullif($5::numeric, 0), $6::timestamptz, $7::timestamptz
FROM fills f LEFT JOIN fill_quotes q USING (activity_id)
WHERE f.account_number = $1 AND f.symbol = $2 AND f.transaction_time >= $3::timestamptz AND q.activity_id IS NULL
ON CONFLICT DO NOTHING
