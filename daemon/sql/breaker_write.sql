INSERT INTO breaker_marks VALUES ($1, $2::date, $3::numeric, $4::numeric, $5::timestamptz)
    ON CONFLICT (account_number) DO UPDATE
    SET session = EXCLUDED.session, day_start = EXCLUDED.day_start, high_water = EXCLUDED.high_water, at = EXCLUDED.at
RETURNING 'applied' AS verdict
