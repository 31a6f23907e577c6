INSERT INTO alerts (alert_key, host, instance, kind, subject, detail, at)
VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz) ON CONFLICT (alert_key) DO NOTHING
