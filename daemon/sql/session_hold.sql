SELECT set_config('paperguard.session', 'reader', false), pg_sleep(0.3)
