SELECT utc(coalesce((SELECT at FROM reconciled WHERE account_number = $1), (SELECT at FROM openings WHERE account_number = $1))) AS at
