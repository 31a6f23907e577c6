-- compatible-from: 5
-- What posts: fills, openings, plans.

-- Splits total over weights (all positive): parts toward zero to the increment, the remainder to the first of the largest.
CREATE FUNCTION split_qty(total numeric, weights numeric[], increment numeric) RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    whole numeric := (SELECT sum(w) FROM unnest(weights) w);
    parts numeric[];
    largest integer := 1;
BEGIN
    FOR i IN 1 .. cardinality(weights) LOOP
        parts[i] := div(total * weights[i], whole * increment) * increment;
        IF weights[i] > weights[largest] THEN
            largest := i;
        END IF;
    END LOOP;
    parts[largest] := parts[largest] + total - (SELECT sum(p) FROM unnest(parts) p);
    RETURN parts;
END
$$;

-- What a fill changes in which book. Along a leg the split is made of everything that was filled so far, less what was posted
-- before: however the fills come, the books end at exactly the allocation. Whole shares stay whole.
CREATE FUNCTION split_fill(f fills) RETURNS TABLE (book text, qty numeric) LANGUAGE plpgsql STABLE AS $$
DECLARE
    i intents;
    names text[];
    weights numeric[];
    filled numeric;
    posted numeric[];
    parts numeric[];
    direction integer := CASE f.side WHEN 'buy' THEN 1 ELSE -1 END;
    increment numeric := 1;
BEGIN
    SELECT * INTO i FROM intents WHERE client_order_id = f.client_order_id;
    IF i.leg IS NULL THEN
        RETURN QUERY SELECT coalesce(nullif(i.strategy, ''), 'unassigned'), direction * f.qty;
        RETURN;
    END IF;
    SELECT array_agg(a.strategy ORDER BY a.line), array_agg(abs(a.qty) ORDER BY a.line) INTO names, weights
        FROM leg_allocations a WHERE a.run_id = i.run_id AND a.leg = i.leg;
    SELECT f.qty + coalesce(sum(o.qty), 0) INTO filled FROM fills o JOIN intents oi USING (client_order_id)
        WHERE oi.run_id = i.run_id AND oi.leg = i.leg AND o.activity_id <> f.activity_id;
    SELECT array_agg((SELECT coalesce(sum(abs(p.qty) * sign(p.qty) * direction), 0) FROM intents oi
            JOIN fills o ON o.client_order_id = oi.client_order_id
            JOIN entries e ON e.activity_id = o.activity_id
            JOIN postings p ON p.entry_id = e.entry_id AND p.part = 'position' AND p.book = n.name
            WHERE oi.run_id = i.run_id AND oi.leg = i.leg) ORDER BY n.at)
        INTO posted FROM unnest(names) WITH ORDINALITY n (name, at);
    IF filled <> trunc(filled) OR EXISTS (SELECT FROM unnest(weights || posted) w WHERE w <> trunc(w)) THEN
        increment := 0.000000001;
    END IF;
    parts := split_qty(filled, weights, increment);
    RETURN QUERY SELECT n.name, direction * (parts[n.at] - posted[n.at]) FROM unnest(names) WITH ORDINALITY n (name, at)
        WHERE parts[n.at] <> posted[n.at];
END
$$;

CREATE FUNCTION post_fill(f fills) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    new_entry bigint;
    direction integer := CASE f.side WHEN 'buy' THEN 1 ELSE -1 END;
    worth numeric := direction * round(f.exact_amount, 9);
    share record;
    n integer := 0;
    off numeric := direction * round(f.exact_amount, 9) - direction * f.cents;
BEGIN
    INSERT INTO entries (account_number, kind, at, activity_id) VALUES (f.account_number, 'fill', f.transaction_time,
        f.activity_id) RETURNING entry_id INTO new_entry;
    FOR share IN SELECT s.book, s.qty, row_number() OVER (ORDER BY abs(s.qty), s.book) = count(*) OVER () AS is_last
        FROM split_fill(f) s ORDER BY abs(s.qty), s.book LOOP
        n := n + 1;
        -- The last line takes what rounding leaves, so that the lines are worth the fill.
        INSERT INTO postings VALUES (new_entry, n, f.account_number, 'position', share.book, f.symbol, share.qty,
            CASE WHEN share.is_last THEN worth ELSE round(share.qty * f.price, 9) END);
        worth := worth - round(share.qty * f.price, 9);
    END LOOP;
    INSERT INTO postings VALUES (new_entry, n + 1, f.account_number, 'cash', '', 'USD', 0, -direction * f.cents);
    UPDATE cash_balances SET fills = fills + 1 WHERE account_number = f.account_number;
    IF off <> 0 THEN
        INSERT INTO postings VALUES (new_entry, n + 2, f.account_number, 'rounding', '', 'USD', 0, -off);
    END IF;
END
$$;

-- Whose order a fill belongs to, NULL when it is not ours. While an order of ours that could be this one has no broker id
-- yet, nobody can tell: refused until it is resolved.
CREATE FUNCTION order_of_fill(f fills) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    ours text;
    ours_symbol text;
    doubt text;
BEGIN
    SELECT o.client_order_id, i.symbol INTO ours, ours_symbol FROM orders o JOIN intents i USING (client_order_id)
        WHERE o.order_id = f.order_id AND i.account_number = f.account_number;
    IF FOUND THEN
        IF ours_symbol <> f.symbol THEN
            RAISE EXCEPTION USING ERRCODE = 'PG005', MESSAGE = format('fill %s is of %s, its order %s of %s', f.activity_id,
                f.symbol, ours, ours_symbol);
        END IF;
        RETURN ours;
    END IF;
    SELECT client_order_id INTO doubt FROM orders o JOIN intents i USING (client_order_id)
        WHERE i.account_number = f.account_number AND i.symbol = f.symbol AND i.side = f.side
            AND o.order_id IS NULL AND o.status IN ('intent', 'sending', 'unknown') ORDER BY i.created_at LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'PG005', MESSAGE = format(
            'fill %s of order %s may belong to %s, whose broker id is not known yet: look that order up first', f.activity_id,
            f.order_id, doubt);
    END IF;
    RETURN NULL;
END
$$;

-- Records fills once each, by activity id. differing names those that were recorded before with other content.
CREATE FUNCTION record_fills(p_account text, p_now timestamptz, p_fills jsonb, OUT recorded bigint, OUT differing text)
LANGUAGE plpgsql AS $$
DECLARE
    mark timestamptz;
    f fills;
    old fills;
BEGIN
    recorded := 0;
    PERFORM 1 FROM accounts WHERE account_number = p_account FOR NO KEY UPDATE;
    SELECT watermark_at INTO mark FROM openings WHERE account_number = p_account;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'PG005', MESSAGE = format(
            'account %s has no opening entry: accept the opening first (paperguard opening accept)', p_account);
    END IF;
    FOR f IN SELECT x.id, p_account, x.order_id, NULL, x.symbol, x.side, x.partial, x.qty, x.price, x.cum_qty, x.leaves_qty,
            x.qty * x.price, round(x.qty * x.price, 2), x.transaction_time, p_now
        FROM jsonb_to_recordset(p_fills) AS x (id text, order_id text, symbol text, side text, partial boolean, qty numeric,
            price numeric, cum_qty numeric, leaves_qty numeric, transaction_time timestamptz)
        WHERE mark IS NULL OR x.transaction_time > mark LOOP -- earlier ones are part of the opening
        SELECT * INTO old FROM fills WHERE activity_id = f.activity_id;
        IF FOUND THEN
            f.recorded_at := old.recorded_at;
            f.client_order_id := old.client_order_id;
            IF f IS DISTINCT FROM old THEN
                differing := concat_ws(' ', differing, f.activity_id);
            END IF;
            CONTINUE;
        END IF;
        f.client_order_id := order_of_fill(f);
        INSERT INTO fills SELECT f.*;
        PERFORM post_fill(f);
        recorded := recorded + 1;
    END LOOP;
END
$$;

-- 'new', 'same' (this very opening is there), or 'exists'.
CREATE FUNCTION open_account(p_account text, p_at timestamptz, p_cash numeric, p_positions jsonb, p_watermark timestamptz,
                             p_digest text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    new_entry bigint;
    known text;
BEGIN
    PERFORM 1 FROM accounts WHERE account_number = p_account FOR NO KEY UPDATE;
    SELECT digest INTO known FROM openings WHERE account_number = p_account;
    IF FOUND THEN
        RETURN CASE WHEN known = p_digest THEN 'same' ELSE 'exists' END;
    END IF;
    INSERT INTO entries (account_number, kind, at) VALUES (p_account, 'opening', p_at) RETURNING entry_id INTO new_entry;
    INSERT INTO postings VALUES (new_entry, 1, p_account, 'cash', '', 'USD', 0, p_cash);
    INSERT INTO postings SELECT new_entry, 2 + row_number() OVER (ORDER BY x.symbol), p_account, 'position', 'unassigned',
        x.symbol, x.qty, x.cost FROM jsonb_to_recordset(p_positions) AS x (symbol text, qty numeric, cost numeric);
    INSERT INTO postings SELECT new_entry, 2, p_account, 'equity', '', 'USD', 0, -sum(amount) FROM postings
        WHERE entry_id = new_entry;
    INSERT INTO openings VALUES (p_account, new_entry, p_watermark, p_digest, p_at);
    RETURN 'new';
END
$$;

CREATE FUNCTION post_transfers(p_run text, p_account text, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t book_transfers;
    new_entry bigint;
BEGIN
    FOR t IN SELECT * FROM book_transfers WHERE run_id = p_run ORDER BY line LOOP
        INSERT INTO entries (account_number, kind, at, run_id, line) VALUES (p_account, 'transfer', p_at, p_run, t.line)
            RETURNING entry_id INTO new_entry;
        INSERT INTO postings VALUES
            (new_entry, 1, p_account, 'position', t.from_book, t.symbol, -t.qty, -round(t.qty * t.price, 9)),
            (new_entry, 2, p_account, 'position', t.to_book, t.symbol, t.qty, round(t.qty * t.price, 9));
    END LOOP;
END
$$;

-- Stores a run's plan, all of it or nothing. 'new', 'same' (this very plan is there), or why not.
CREATE FUNCTION store_plan(p_run text, p_at timestamptz, p_signals bigint, p_digest text, p_members jsonb, p_legs jsonb,
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
    SELECT l.leg INTO bad FROM legs l LEFT JOIN leg_allocations a USING (run_id, leg) WHERE l.run_id = p_run GROUP BY l.leg,
        l.qty, l.side HAVING sum(a.qty) IS DISTINCT FROM CASE l.side WHEN 'buy' THEN l.qty ELSE -l.qty END
            OR bool_or((a.qty > 0) <> (l.side = 'buy')) LIMIT 1;
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
