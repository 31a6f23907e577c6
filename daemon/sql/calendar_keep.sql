WITH kept AS (
    INSERT INTO broker_calendars (account_number, read_at, days) SELECT $1, $2::timestamptz, $3
    WHERE $3 IS DISTINCT FROM (SELECT days FROM broker_calendars WHERE account_number = $1 ORDER BY calendar_id DESC LIMIT 1)
    RETURNING calendar_id
)
SELECT CASE WHEN EXISTS (SELECT FROM kept) THEN 'applied' ELSE 'same' END AS verdict
