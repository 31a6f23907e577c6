SELECT (SELECT count(*) FROM run_members m WHERE m.run_id = $1 AND m.status NOT IN ('ok', 'paused')) AS members_failed,
    (SELECT count(*) FROM fills f JOIN intents i USING (client_order_id) WHERE i.run_id = $1) AS fills
