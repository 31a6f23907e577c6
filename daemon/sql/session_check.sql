SELECT current_setting('paperguard.session', true) AS session, to_regclass('public.environment_marker') IS NOT NULL AS marked,
    pg_is_in_recovery() AS standby, pg_backend_pid() AS backend
