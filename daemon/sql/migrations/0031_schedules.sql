-- compatible-from: 22
-- Since when each strategy's schedule is known to have been in force: a slot after that is watched, also by a life that begins after it.
CREATE TABLE schedules (
    account_number text REFERENCES accounts,
    strategy text CHECK (strategy <> ''),
    schedule text NOT NULL, -- '' while it has none: disabled, or out of the configuration
    since timestamptz NOT NULL,
    PRIMARY KEY (account_number, strategy)
) WITH (fillfactor = 50);
SELECT make_lasting('schedules');

-- What is configured now. A schedule that is as it was keeps its beginning; a clock that was ahead then does not make it later.
CREATE FUNCTION watch_schedules(p_account text, p_schedules jsonb, p_at timestamptz)
RETURNS TABLE (strategy text, since timestamptz) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    UPDATE schedules SET schedule = '', since = p_at WHERE account_number = p_account AND schedule <> ''
        AND strategy NOT IN (SELECT x ->> 'strategy' FROM jsonb_array_elements(p_schedules) x);
    INSERT INTO schedules AS old SELECT p_account, x.strategy, x.schedule, p_at
        FROM jsonb_to_recordset(p_schedules) AS x (strategy text, schedule text) ORDER BY x.strategy
        ON CONFLICT (account_number, strategy) DO UPDATE SET schedule = EXCLUDED.schedule, since = EXCLUDED.since
        WHERE old.schedule <> EXCLUDED.schedule OR old.since > EXCLUDED.since;
    RETURN QUERY SELECT strategy, since FROM schedules WHERE account_number = p_account AND schedule <> '' ORDER BY strategy;
END
$$;
