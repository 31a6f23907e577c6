SELECT set_config('TimeZone', 'UTC', false), set_config('search_path', 'public', false),
    set_config('default_transaction_read_only', $1, false), set_config('paperguard.session', $2, false),
    set_config('statement_timeout', $3, false)
