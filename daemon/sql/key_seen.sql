WITH new AS (
    INSERT INTO key_fingerprints (fingerprint, account_number, shown, host, instance, first_seen)
        VALUES ($1, $2, $3, $4, $5, $6::timestamptz) ON CONFLICT (fingerprint) DO NOTHING RETURNING first_seen
)
SELECT utc(min(first_seen)) AS first_seen FROM (
    SELECT first_seen FROM new UNION ALL SELECT first_seen FROM key_fingerprints WHERE fingerprint = $1
) known
