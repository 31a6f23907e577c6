-- compatible-from: 2
-- Runs, their members and their plan. The row (account, session, slot) decides that a slot runs at most once.
CREATE TABLE run_statuses (
    status text PRIMARY KEY,
    rank integer NOT NULL,
    terminal boolean NOT NULL
);
INSERT INTO run_statuses VALUES ('claimed', 0, false), ('planned', 1, false), ('sending', 2, false),
    ('settling', 3, false), ('completed', 4, true), ('partial', 4, true), ('failed', 4, true), ('missed', 4, true);

CREATE TABLE runs (
    run_id text PRIMARY KEY CHECK (run_id ~ '^[0-9A-Za-z_.-]{1,39}$'),
    account_number text NOT NULL REFERENCES accounts,
    session date NOT NULL,
    slot_key text NOT NULL CHECK (slot_key ~ '^(manual-[1-9][0-9]*|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)$'),
    label text NOT NULL,
    cause text NOT NULL,
    strategies text[] NOT NULL,
    status text NOT NULL REFERENCES run_statuses,
    scheduled_at timestamptz,
    started_at timestamptz,
    planned_at timestamptz,
    completed_at timestamptz,
    deadline_at timestamptz,
    signals bigint NOT NULL DEFAULT 0 CHECK (signals >= 0),
    orders_submitted bigint NOT NULL DEFAULT 0 CHECK (orders_submitted >= 0),
    orders_accepted bigint NOT NULL DEFAULT 0 CHECK (orders_accepted >= 0),
    orders_rejected bigint NOT NULL DEFAULT 0 CHECK (orders_rejected >= 0),
    fills bigint NOT NULL DEFAULT 0 CHECK (fills >= 0),
    settled boolean NOT NULL DEFAULT false,
    detail text NOT NULL DEFAULT '',
    plan_digest text CHECK (plan_digest ~ '^[0-9a-f]{64}$'),
    host text NOT NULL,
    instance text NOT NULL,
    UNIQUE (account_number, session, slot_key)
);
CREATE INDEX runs_by_start ON runs (started_at);

CREATE TABLE run_members (
    run_id text NOT NULL REFERENCES runs,
    strategy text NOT NULL CHECK (strategy <> '' AND strategy <> 'unassigned'),
    status text NOT NULL CHECK (status IN ('ok', 'failed', 'late')),
    detail text NOT NULL,
    model_name text NOT NULL,
    model_version text NOT NULL,
    targets jsonb,
    PRIMARY KEY (run_id, strategy)
);

CREATE TABLE legs (
    run_id text NOT NULL REFERENCES runs,
    leg integer NOT NULL CHECK (leg > 0),
    symbol text NOT NULL CHECK (symbol <> ''),
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    qty numeric(20, 9) NOT NULL CHECK (qty > 0),
    decision_price numeric(20, 9) NOT NULL CHECK (decision_price > 0),
    PRIMARY KEY (run_id, leg)
);

-- How a leg's fills are split over the books. line keeps the plan's order: the first of equals gets the remainder.
CREATE TABLE leg_allocations (
    run_id text NOT NULL,
    leg integer NOT NULL,
    line integer NOT NULL CHECK (line > 0),
    strategy text NOT NULL,
    qty numeric(20, 9) NOT NULL CHECK (qty <> 0),
    PRIMARY KEY (run_id, leg, strategy),
    UNIQUE (run_id, leg, line),
    FOREIGN KEY (run_id, leg) REFERENCES legs,
    FOREIGN KEY (run_id, strategy) REFERENCES run_members
);

CREATE TABLE book_transfers (
    run_id text NOT NULL REFERENCES runs,
    line integer NOT NULL CHECK (line > 0),
    symbol text NOT NULL CHECK (symbol <> ''),
    from_book text NOT NULL CHECK (from_book <> ''),
    to_book text NOT NULL CHECK (to_book <> '' AND to_book <> from_book),
    qty numeric(20, 9) NOT NULL CHECK (qty > 0),
    price numeric(20, 9) NOT NULL CHECK (price > 0),
    PRIMARY KEY (run_id, line)
);

SELECT make_append_only(t) FROM unnest(ARRAY['run_statuses', 'run_members', 'legs', 'leg_allocations', 'book_transfers']) t;
SELECT make_lasting('runs');

-- Claims a slot. "manual" becomes the next ordinal of (account, session); the account's row is the lock that orders them.
-- Asking again with the same run id changes nothing.
CREATE FUNCTION claim_run(r runs) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    known text;
BEGIN
    PERFORM 1 FROM accounts WHERE account_number = r.account_number FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'PG002', MESSAGE = format('account %s was never seen by this ledger', r.account_number);
    END IF;
    SELECT account_number || ' ' || session || ' ' || CASE r.slot_key WHEN 'manual' THEN 'manual' ELSE slot_key END INTO known
        FROM runs WHERE run_id = r.run_id;
    IF known = r.account_number || ' ' || r.session || ' ' || r.slot_key THEN
        RETURN;
    ELSIF known IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PG002', MESSAGE = format('run %s is that of %s', r.run_id, known);
    END IF;
    IF r.slot_key = 'manual' THEN
        SELECT 'manual-' || coalesce(max(substr(slot_key, 8)::bigint), 0) + 1 INTO r.slot_key FROM runs
            WHERE account_number = r.account_number AND session = r.session AND slot_key LIKE 'manual-%';
    END IF;
    INSERT INTO runs SELECT r.* ON CONFLICT (account_number, session, slot_key) DO NOTHING;
END
$$;
