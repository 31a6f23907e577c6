-- compatible-from: 16
-- What would cost more for each order of a large run, or over a large ledger, than of a small one.

-- Stores a run's plan, all of it or nothing; its legs and their parts are added up in one pass, for a plan that was written
-- just now has no statistics to join by. 'new', 'same' (this very plan is there), or why not.
CREATE OR REPLACE FUNCTION store_plan(p_run text, p_at timestamptz, p_signals bigint, p_digest text, p_members jsonb, p_legs jsonb,
                           p_transfers jsonb)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r runs;
    bad integer;
BEGIN
    -- The account's row first, as everywhere: one order of locks, no deadlocks.
    PERFORM 1 FROM accounts WHERE account_number = (SELECT account_number FROM runs WHERE run_id = p_run) FOR NO KEY UPDATE;
    SELECT * INTO r FROM runs WHERE run_id = p_run FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'there is no such run';
    ELSIF r.plan_digest = p_digest THEN
        RETURN 'same';
    ELSIF r.plan_digest IS NOT NULL THEN
        RETURN 'another plan is stored already';
    ELSIF r.status <> 'claimed' THEN
        RETURN 'the run is ' || r.status || ', a plan belongs to a claimed one';
    END IF;
    UPDATE runs SET status = 'planned', planned_at = p_at, plan_digest = p_digest, signals = p_signals WHERE run_id = p_run;
    INSERT INTO run_members SELECT p_run, x.strategy, x.status, x.detail, x.model_name, x.model_version, x.targets
        FROM jsonb_to_recordset(p_members) AS x (strategy text, status text, detail text, model_name text,
            model_version text, targets jsonb);
    INSERT INTO legs SELECT p_run, x.leg, x.symbol, x.side, x.qty, x.price
        FROM jsonb_to_recordset(p_legs) AS x (leg integer, symbol text, side text, qty numeric, price numeric);
    INSERT INTO leg_allocations SELECT p_run, x.leg, a.line, a.value ->> 'strategy', (a.value ->> 'qty')::numeric
        FROM jsonb_to_recordset(p_legs) AS x (leg integer, allocations jsonb),
            jsonb_array_elements(x.allocations) WITH ORDINALITY a (value, line);
    SELECT x.leg INTO bad FROM (
            SELECT leg, CASE side WHEN 'buy' THEN qty ELSE -qty END AS wanted, NULL::numeric AS part FROM legs WHERE run_id = p_run
            UNION ALL SELECT leg, NULL, qty FROM leg_allocations WHERE run_id = p_run) x
        GROUP BY x.leg HAVING sum(x.part) IS DISTINCT FROM sum(x.wanted) OR min(sign(x.part)) <> max(sign(x.part)) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'PG006', MESSAGE = format(
            'the allocations of leg %s do not make up the leg, each in its direction', bad);
    END IF;
    INSERT INTO book_transfers SELECT p_run, row_number() OVER (), x.symbol, x.source, x.target, x.qty, x.price
        FROM jsonb_to_recordset(p_transfers) AS x (symbol text, source text, target text, qty numeric, price numeric);
    PERFORM post_transfers(p_run, r.account_number, p_at);
    RETURN 'new';
END
$$;

-- Orders that ended otherwise than filled are few of many.
CREATE INDEX orders_ended_otherwise ON orders (status)
    WHERE status IN ('denied', 'dry_run', 'not_placed', 'canceled', 'expired', 'replaced', 'rejected');
