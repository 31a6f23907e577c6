SELECT name, value, utc(until) AS until, reason, operator, utc(at) AS at FROM (
    SELECT DISTINCT ON (name) * FROM limit_raises WHERE account_number = $1 ORDER BY name, raise_id DESC
) newest WHERE until > $2::timestamptz ORDER BY name
