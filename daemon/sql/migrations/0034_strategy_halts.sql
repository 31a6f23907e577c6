-- compatible-from: 22
-- Halts of one strategy each, on one host; of a strategy the newest row holds.
CREATE TABLE strategy_halts (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_key text NOT NULL UNIQUE DEFAULT 'operator-' || gen_random_uuid(),
    host text NOT NULL,
    instance text NOT NULL,
    strategy text NOT NULL CHECK (strategy <> ''),
    state text NOT NULL CHECK (state IN ('running', 'reduce_only', 'halted')),
    reason text NOT NULL,
    source text NOT NULL,
    at timestamptz NOT NULL,
    FOREIGN KEY (host, instance) REFERENCES hosts
);
CREATE INDEX strategy_halts_newest ON strategy_halts (host, instance, strategy, event_id DESC);
SELECT make_append_only('strategy_halts');

CREATE FUNCTION write_halt(p_key text, p_host text, p_instance text, p_strategy text, p_state text, p_reason text, p_source text,
                           p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hosts VALUES (p_host, p_instance, p_at) ON CONFLICT DO NOTHING;
    INSERT INTO strategy_halts (event_key, host, instance, strategy, state, reason, source, at)
        VALUES (p_key, p_host, p_instance, p_strategy, p_state, p_reason, p_source, p_at) ON CONFLICT (event_key) DO NOTHING;
END
$$;
