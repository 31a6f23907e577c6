INSERT INTO reconciled AS old VALUES ($1, $2::timestamptz)
    ON CONFLICT (account_number) DO UPDATE SET at = EXCLUDED.at WHERE old.at < EXCLUDED.at
RETURNING 'applied' AS verdict
