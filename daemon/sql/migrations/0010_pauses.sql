-- compatible-from: 8
-- Strategies that operators paused and resumed. The newest row of a strategy is how it is now; all of them are the history.
CREATE TABLE strategy_pauses (
    pause_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance text NOT NULL CHECK (instance <> ''),
    strategy text NOT NULL CHECK (strategy <> '' AND strategy <> 'unassigned'),
    paused boolean NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    source text NOT NULL CHECK (source <> ''),
    at timestamptz NOT NULL,
    host text NOT NULL
);
CREATE INDEX strategy_pauses_newest ON strategy_pauses (instance, strategy, pause_id DESC);
SELECT make_append_only('strategy_pauses');

-- 'applied', or 'same' when it is so already: asking again stores nothing twice.
CREATE FUNCTION set_strategy_pause(p_instance text, p_strategy text, p_paused boolean, p_reason text, p_source text,
                                   p_at timestamptz, p_host text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    is_paused boolean;
BEGIN
    LOCK TABLE strategy_pauses IN SHARE ROW EXCLUSIVE MODE;
    SELECT paused INTO is_paused FROM strategy_pauses WHERE instance = p_instance AND strategy = p_strategy
        ORDER BY pause_id DESC LIMIT 1;
    IF coalesce(is_paused, false) = p_paused THEN
        RETURN 'same';
    END IF;
    INSERT INTO strategy_pauses (instance, strategy, paused, reason, source, at, host)
        VALUES (p_instance, p_strategy, p_paused, p_reason, p_source, p_at, p_host);
    RETURN 'applied';
END
$$;
