-- compatible-from: 6
-- What the account was worth and what it held, as the broker said it: at the end of each run, now and then while something
-- is held, and once after each close. Rows do not change; old ones may be deleted (the ledger itself does not need them).
CREATE TABLE equity_snapshots (
    account_number text NOT NULL REFERENCES accounts,
    session date NOT NULL,
    at timestamptz NOT NULL,
    equity numeric(20, 9) NOT NULL,
    cash numeric(20, 9) NOT NULL,
    buying_power numeric(20, 9) NOT NULL,
    long_market_value numeric(20, 9) NOT NULL,
    short_market_value numeric(20, 9) NOT NULL,
    source text NOT NULL CHECK (source IN ('start', 'run', 'timer', 'close')),
    run_id text REFERENCES runs,
    CHECK ((source = 'run') = (run_id IS NOT NULL)),
    PRIMARY KEY (account_number, at)
);
CREATE UNIQUE INDEX equity_snapshots_one_close ON equity_snapshots (account_number, session) WHERE source = 'close';
CREATE UNIQUE INDEX equity_snapshots_one_run ON equity_snapshots (run_id) WHERE source = 'run';
CREATE INDEX equity_snapshots_by_session ON equity_snapshots (account_number, session);

CREATE TABLE position_snapshots (
    account_number text NOT NULL,
    session date NOT NULL,
    at timestamptz NOT NULL,
    symbol text NOT NULL CHECK (symbol <> ''),
    qty numeric(20, 9) NOT NULL CHECK (qty <> 0),
    avg_entry_price numeric(20, 9) NOT NULL,
    market_value numeric(20, 9) NOT NULL,
    current_price numeric(20, 9), -- NULL: the broker did not say
    PRIMARY KEY (account_number, at, symbol),
    FOREIGN KEY (account_number, at) REFERENCES equity_snapshots ON DELETE CASCADE
);
CREATE INDEX position_snapshots_by_symbol ON position_snapshots (account_number, symbol, at);

CREATE TRIGGER stays_as_it_is BEFORE UPDATE ON equity_snapshots FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays_as_it_is BEFORE UPDATE ON position_snapshots FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Both parts or nothing; 'same' when this run, this close or this instant has one already.
CREATE FUNCTION take_snapshot(s equity_snapshots, p_positions jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO equity_snapshots SELECT s.* ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'same';
    END IF;
    INSERT INTO position_snapshots SELECT s.account_number, s.session, s.at, x.symbol, x.qty, x.avg_entry_price, x.market_value,
        nullif(x.current_price, 0) FROM jsonb_to_recordset(p_positions) AS x (symbol text, qty numeric,
            avg_entry_price numeric, market_value numeric, current_price numeric) WHERE x.qty <> 0;
    RETURN 'new';
END
$$;

-- When a session begins: 20:00 New York of the day before. What happens on a day without a session counts for that day here.
CREATE FUNCTION session_start(d date) RETURNS timestamptz LANGUAGE sql STABLE STRICT AS $$
    SELECT (d - 1 + time '20:00') AT TIME ZONE 'America/New_York'
$$;
