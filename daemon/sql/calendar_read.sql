SELECT days, utc(read_at) AS read_at FROM broker_calendars WHERE account_number = $1 ORDER BY calendar_id DESC LIMIT 1
