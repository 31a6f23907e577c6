SELECT utc(coalesce((SELECT max(transaction_time) FROM fills WHERE account_number = $1),
    (SELECT watermark_at FROM openings WHERE account_number = $1))) AS at
