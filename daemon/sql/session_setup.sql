-- Questions of history differ by what they ask for: each is planned for its own values. Compiling plans costs more than it saves.
-- What writes finds its rows by key: a plan that was made while a table was small must not read all of it for the session's life.
SELECT set_config('TimeZone', 'UTC', false), set_config('search_path', 'public', false), set_config('jit', 'off', false),
    set_config('plan_cache_mode', CASE $1 WHEN 'on' THEN 'force_custom_plan' ELSE 'auto' END, false),
    set_config('enable_seqscan', $1, false), -- on for questions only
    set_config('default_transaction_read_only', $1, false), set_config('paperguard.session', $2, false),
    set_config('statement_timeout', $3, false)
