SELECT utc(greatest(o.at, (SELECT max(created_at) FROM intents WHERE account_number = $1))) AS newest FROM openings o
WHERE o.account_number = $1
