-- compatible-from: 28
-- What belongs to no strategy (the opening, fills of orders that this ledger does not know) is put into a strategy's book by an
-- operator: a transfer, whose lines cancel out in shares and cost, with who said so and why.
CREATE TABLE assignments (
    assignment_key text PRIMARY KEY CHECK (assignment_key ~ '^[0-9a-f]{64}$'),
    account_number text NOT NULL REFERENCES accounts,
    symbol text NOT NULL CHECK (symbol <> ''),
    strategy text NOT NULL CHECK (strategy NOT IN ('', 'unassigned')),
    qty numeric(20, 9) NOT NULL CHECK (qty <> 0),
    cost numeric(20, 9) NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    operator text NOT NULL CHECK (operator <> ''),
    at timestamptz NOT NULL
);
SELECT make_append_only('assignments');
ALTER TABLE entries ADD COLUMN assignment_key text UNIQUE REFERENCES assignments;
ALTER TABLE entries DROP CONSTRAINT entries_check1;
ALTER TABLE entries ADD CONSTRAINT entries_transfer CHECK ((kind = 'transfer') = (run_id IS NOT NULL OR assignment_key IS NOT NULL));

-- p_held: what `unassigned` held when the operator looked. 'new', 'same' (this very one), or why not.
CREATE FUNCTION assign_position(p_account text, p_key text, p_symbol text, p_strategy text, p_qty numeric, p_held numeric,
                                p_at timestamptz, p_reason text, p_operator text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    held books;
    moved numeric;
    new_entry bigint;
BEGIN
    PERFORM 1 FROM accounts WHERE account_number = p_account FOR NO KEY UPDATE;
    PERFORM 1 FROM assignments WHERE assignment_key = p_key;
    IF FOUND THEN
        RETURN 'same';
    END IF;
    SELECT * INTO held FROM books WHERE account_number = p_account AND book = 'unassigned' AND symbol = p_symbol FOR UPDATE;
    IF coalesce(held.qty, 0) <> p_held THEN
        RETURN format('unassigned holds %s of %s by now, not %s: look at it again', plain(coalesce(held.qty, 0)), p_symbol, plain(p_held));
    ELSIF p_qty = 0 OR sign(p_qty) <> sign(p_held) OR abs(p_qty) > abs(p_held) THEN
        RETURN format('%s of %s cannot be taken out of the %s that unassigned holds', plain(p_qty), p_symbol, plain(p_held));
    END IF;
    PERFORM 1 FROM orders o JOIN intents i USING (client_order_id)
        WHERE i.account_number = p_account AND i.symbol = p_symbol AND o.open;
    IF FOUND THEN
        RETURN format('an order for %s is open or its fills are missing: wait for it or cancel it first', p_symbol);
    END IF;
    PERFORM 1 FROM parked_orders k JOIN intents i USING (client_order_id)
        WHERE i.account_number = p_account AND i.symbol = p_symbol AND k.resolved_at IS NULL;
    IF FOUND THEN
        RETURN format('an order for %s is parked: resolve it first (paperguard orders --parked)', p_symbol);
    END IF;
    PERFORM 1 FROM quarantine WHERE account_number = p_account AND symbol = p_symbol AND ended_at IS NULL;
    IF FOUND THEN
        RETURN format('an order for %s is in quarantine: adopt it or have it cancelled first', p_symbol);
    END IF;
    PERFORM 1 FROM activity_outcomes o JOIN activities a USING (activity_id)
        WHERE o.account_number = p_account AND o.outcome = 'held' AND a.symbol = p_symbol;
    IF FOUND THEN
        RETURN format('an activity of %s is held: what it does to the books is not known yet', p_symbol);
    END IF;
    PERFORM 1 FROM runs r JOIN run_statuses s USING (status) WHERE r.account_number = p_account AND NOT s.terminal;
    IF FOUND THEN
        RETURN 'a run is under way: wait for its end';
    END IF;
    moved := held.cost - cost_after(held.qty, held.cost, -p_qty, 0);
    INSERT INTO assignments VALUES (p_key, p_account, p_symbol, p_strategy, p_qty, moved, p_reason, p_operator, p_at);
    INSERT INTO entries (account_number, kind, at, assignment_key, detail)
        VALUES (p_account, 'transfer', p_at, p_key, format('%s (%s)', p_reason, p_operator)) RETURNING entry_id INTO new_entry;
    INSERT INTO postings VALUES (new_entry, 1, p_account, 'position', 'unassigned', p_symbol, -p_qty, -moved),
        (new_entry, 2, p_account, 'position', p_strategy, p_symbol, p_qty, moved);
    RETURN 'new';
END
$$;
