-- compatible-from: 11
-- What the broker did to the account without a trade: each activity once, by its id, and what it came to. Splits change the
-- books pro rata; fees, dividends, interest, deposits and journals change the cash; anything else is held for an operator,
-- never guessed. A correction books what an operator accepted as the broker's truth.
CREATE TABLE activities (
    activity_id text PRIMARY KEY CHECK (activity_id <> ''),
    account_number text NOT NULL REFERENCES accounts,
    type text NOT NULL CHECK (type <> '' AND type <> 'FILL'),
    sub_type text NOT NULL,
    status text NOT NULL,
    group_id text NOT NULL, -- '' none; links the two sides of a split
    symbol text NOT NULL,   -- '' of the account
    currency text NOT NULL,
    qty numeric(20, 9) NOT NULL,
    net_amount numeric(20, 9) NOT NULL,
    date date NOT NULL,
    created_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX activities_by_time ON activities (account_number, created_at);
SELECT make_append_only('activities');

CREATE TABLE activity_outcomes (
    activity_id text PRIMARY KEY REFERENCES activities,
    account_number text NOT NULL REFERENCES accounts,
    outcome text NOT NULL CHECK (outcome IN ('opening', 'posted', 'held', 'corrected')),
    entry_id bigint REFERENCES entries,
    detail text NOT NULL,
    at timestamptz NOT NULL,
    CHECK ((outcome IN ('posted', 'corrected')) = (entry_id IS NOT NULL))
);
CREATE INDEX activities_held ON activity_outcomes (account_number) WHERE outcome = 'held';
SELECT make_lasting('activity_outcomes');
-- Only what is held may still come to something.
CREATE FUNCTION keep_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.outcome <> 'held' THEN
        RAISE EXCEPTION USING ERRCODE = 'PG001',
            MESSAGE = format('activity %s is %s already', OLD.activity_id, OLD.outcome);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_outcome BEFORE UPDATE ON activity_outcomes FOR EACH ROW EXECUTE FUNCTION keep_outcome();

CREATE INDEX entries_by_time ON entries (account_number, at);

CREATE TABLE corrections (
    entry_id bigint PRIMARY KEY REFERENCES entries,
    correction_key text NOT NULL UNIQUE,
    account_number text NOT NULL REFERENCES accounts,
    reason text NOT NULL CHECK (reason <> ''),
    operator text NOT NULL CHECK (operator <> ''),
    differences jsonb NOT NULL,
    at timestamptz NOT NULL
);
SELECT make_append_only('corrections');

CREATE FUNCTION set_outcome(a activities, p_outcome text, p_entry bigint, p_detail text, p_at timestamptz) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO activity_outcomes VALUES (a.activity_id, a.account_number, p_outcome, p_entry, p_detail, p_at)
    ON CONFLICT (activity_id) DO UPDATE SET outcome = EXCLUDED.outcome, entry_id = EXCLUDED.entry_id,
        detail = EXCLUDED.detail, at = EXCLUDED.at
        WHERE (activity_outcomes.outcome, activity_outcomes.detail) IS DISTINCT FROM (EXCLUDED.outcome, EXCLUDED.detail)
$$;

-- Cash that comes or goes; the other side is equity, or what fees have cost.
CREATE FUNCTION post_cash(a activities, p_kind text, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    new_entry bigint;
BEGIN
    INSERT INTO entries (account_number, kind, at, detail) VALUES (a.account_number, p_kind, a.created_at,
        concat_ws(' ', a.type, nullif(a.sub_type, ''), nullif(a.symbol, ''), a.activity_id)) RETURNING entry_id INTO new_entry;
    INSERT INTO postings VALUES
        (new_entry, 1, a.account_number, 'cash', '', 'USD', 0, a.net_amount),
        (new_entry, 2, a.account_number, CASE p_kind WHEN 'fee' THEN 'fees' ELSE 'equity' END, '', 'USD', 0, -a.net_amount);
    PERFORM set_outcome(a, 'posted', new_entry, '', p_at);
END
$$;

-- Every book's part of a new total: in proportion to what it holds, toward zero to the increment (whole shares stay whole),
-- the remainder to the first of the largest. What a book cost stays with it; that of a book which ends empty goes to the one
-- that got the remainder.
CREATE FUNCTION post_split(p_account text, p_symbol text, p_before numeric, p_after numeric, p_at timestamptz, p_detail text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    new_entry bigint;
    b books[];
    parts numeric[];
    costs numeric[];
    largest integer := 1;
    increment numeric := 1;
    n integer := 0;
BEGIN
    SELECT array_agg(x ORDER BY x.book COLLATE "C") INTO b FROM books x
        WHERE x.account_number = p_account AND x.symbol = p_symbol AND x.qty <> 0;
    IF p_after <> trunc(p_after) OR EXISTS (SELECT FROM unnest(b) x WHERE x.qty <> trunc(x.qty)) THEN
        increment := 0.000000001;
    END IF;
    FOR i IN 1 .. cardinality(b) LOOP
        parts[i] := div(b[i].qty * p_after, p_before * increment) * increment;
        IF abs(b[i].qty) > abs(b[largest].qty) THEN
            largest := i;
        END IF;
    END LOOP;
    parts[largest] := parts[largest] + p_after - (SELECT sum(p) FROM unnest(parts) p);
    FOR i IN 1 .. cardinality(b) LOOP
        costs[i] := CASE WHEN parts[i] = 0 THEN 0 ELSE b[i].cost END;
    END LOOP;
    costs[largest] := costs[largest] + (SELECT sum(x.cost) FROM unnest(b) x) - (SELECT sum(c) FROM unnest(costs) c);
    INSERT INTO entries (account_number, kind, at, detail) VALUES (p_account, 'corporate_action', p_at, p_detail)
        RETURNING entry_id INTO new_entry;
    -- Out with all and in with all: the cost comes along.
    FOR i IN 1 .. cardinality(b) LOOP
        INSERT INTO postings VALUES (new_entry, n + 1, p_account, 'position', b[i].book, p_symbol, -b[i].qty, -b[i].cost);
        n := n + 1;
        IF parts[i] <> 0 THEN
            INSERT INTO postings VALUES (new_entry, n + 1, p_account, 'position', b[i].book, p_symbol, parts[i], costs[i]);
            n := n + 1;
        END IF;
    END LOOP;
    RETURN new_entry;
END
$$;

-- Posts a split with all that belongs to it, or says why not yet. p_broker is what the broker holds now: of the ways to read
-- the activities (the old shares out and the new ones in, or the difference alone) only the one that leads there counts.
CREATE FUNCTION try_split(a activities, p_broker numeric, p_at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    side activities;
    sides activities[];
    before numeric := (SELECT coalesce(sum(qty), 0) FROM books WHERE account_number = a.account_number AND symbol = a.symbol);
    came numeric;
    went numeric;
    new_entry bigint;
BEGIN
    SELECT array_agg(x ORDER BY x.activity_id) INTO sides FROM activities x LEFT JOIN activity_outcomes o USING (activity_id)
        WHERE x.account_number = a.account_number AND x.type = a.type AND x.symbol = a.symbol AND x.status = 'executed'
            AND x.net_amount = 0 AND coalesce(o.outcome, 'held') = 'held'
            AND CASE WHEN a.group_id <> '' THEN x.group_id = a.group_id ELSE x.group_id = '' AND x.date = a.date END;
    SELECT coalesce(sum(x.qty) FILTER (WHERE sign(x.qty) = sign(before)), 0),
        coalesce(-sum(x.qty) FILTER (WHERE sign(x.qty) = -sign(before)), 0) INTO came, went FROM unnest(sides) x;
    -- The other side of a split that is posted already, and nothing is left to do.
    SELECT o.entry_id INTO new_entry FROM activities x JOIN activity_outcomes o USING (activity_id)
        WHERE x.account_number = a.account_number AND x.type = a.type AND x.symbol = a.symbol AND o.outcome = 'posted'
            AND CASE WHEN a.group_id <> '' THEN x.group_id = a.group_id ELSE x.group_id = '' AND x.date = a.date END LIMIT 1;
    IF FOUND AND before = p_broker THEN
        PERFORM set_outcome(a, 'posted', new_entry, 'came after its other side', p_at);
        RETURN '';
    ELSIF before = 0 OR sides IS NULL THEN
        RETURN format('the books hold no %s', a.symbol);
    ELSIF sign(p_broker) <> sign(before) OR NOT (
        p_broker = came AND went IN (0, before) OR p_broker = before + came - went AND (went = 0 OR came = 0)) THEN
        RETURN format('the books hold %s %s, %s went and %s came, and the broker holds %s', plain(before), a.symbol, plain(went),
            plain(came), plain(p_broker));
    END IF;
    new_entry := post_split(a.account_number, a.symbol, before, p_broker, a.created_at, concat_ws(' ', a.type,
        (SELECT max(nullif(x.sub_type, '')) FROM unnest(sides) x), a.symbol, 'from', plain(before), 'to', plain(p_broker)));
    FOREACH side IN ARRAY sides LOOP
        PERFORM set_outcome(side, 'posted', new_entry, '', p_at);
    END LOOP;
    RETURN '';
END
$$;

CREATE FUNCTION post_activity(a activities, p_positions jsonb, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    why text := '';
    broker numeric := (SELECT coalesce(sum(x.qty), 0) FROM jsonb_to_recordset(p_positions) AS x (symbol text, qty numeric)
                       WHERE x.symbol = a.symbol);
BEGIN
    IF EXISTS (SELECT FROM activity_outcomes o WHERE o.activity_id = a.activity_id AND o.outcome <> 'held') THEN
        RETURN; -- came along with another
    ELSIF a.created_at <= (SELECT at FROM openings WHERE account_number = a.account_number) THEN
        PERFORM set_outcome(a, 'opening', NULL, '', p_at);
        RETURN;
    ELSIF a.status <> 'executed' THEN
        why := format('its status is %s', a.status);
    ELSIF a.currency NOT IN ('', 'USD') THEN
        why := format('its currency is %s', a.currency);
    ELSIF a.type IN ('FEE', 'PTC', 'PTR') AND a.net_amount <> 0 THEN
        PERFORM post_cash(a, 'fee', p_at);
    ELSIF a.net_amount <> 0 AND a.type IN ('CSD', 'CSW', 'TRANS', 'JNLC', 'INT', 'INTNRA', 'INTTW', 'CGD', 'DIV', 'DIVCGL',
        'DIVCGS', 'DIVFEE', 'DIVFT', 'DIVNRA', 'DIVROC', 'DIVTW', 'DIVTXEX') THEN
        PERFORM post_cash(a, 'cash', p_at);
    ELSIF a.type = 'SPLIT' AND a.sub_type IN ('', 'FSPLIT', 'RSPLIT') AND a.symbol <> '' AND a.qty <> 0 AND a.net_amount = 0 THEN
        why := try_split(a, broker, p_at);
    ELSE
        why := 'what it does to the books is not known';
    END IF;
    IF why <> '' THEN
        PERFORM set_outcome(a, 'held', NULL, why, p_at);
    END IF;
END
$$;

-- Records activities once each and posts what can be posted, what was held before too. differing names those that were
-- recorded before with other content; held and first_held say what waits; newest_at is where to read on.
CREATE FUNCTION record_activities(p_account text, p_now timestamptz, p_items jsonb, p_positions jsonb, OUT recorded bigint,
                                  OUT differing text, OUT held bigint, OUT first_held text, OUT newest_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    a activities;
    old activities;
BEGIN
    recorded := 0;
    PERFORM 1 FROM accounts WHERE account_number = p_account FOR NO KEY UPDATE;
    PERFORM 1 FROM openings WHERE account_number = p_account;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'PG005', MESSAGE = format(
            'account %s has no opening entry: accept the opening first (paperguard opening accept)', p_account);
    END IF;
    FOR a IN SELECT x.id, p_account, x.type, x.sub_type, x.status, x.group_id, x.symbol, x.currency, x.qty, x.net_amount,
            x.date, x.created_at, p_now
        FROM jsonb_to_recordset(p_items) AS x (id text, type text, sub_type text, status text, group_id text, symbol text,
            currency text, qty numeric(20, 9), net_amount numeric(20, 9), date date, created_at timestamptz) LOOP
        SELECT * INTO old FROM activities WHERE activity_id = a.activity_id;
        IF FOUND THEN
            a.recorded_at := old.recorded_at;
            a.created_at := coalesce(a.created_at, old.created_at);
            IF a IS DISTINCT FROM old THEN
                differing := concat_ws(' ', differing, a.activity_id);
            END IF;
            CONTINUE;
        END IF;
        a.created_at := coalesce(a.created_at, p_now);
        INSERT INTO activities SELECT a.*;
        recorded := recorded + 1;
    END LOOP;
    FOR a IN SELECT x.* FROM activities x LEFT JOIN activity_outcomes o USING (activity_id)
        WHERE x.account_number = p_account AND coalesce(o.outcome, 'held') = 'held' ORDER BY x.created_at, x.activity_id LOOP
        PERFORM post_activity(a, p_positions, p_now);
    END LOOP;
    SELECT count(*) INTO held FROM activity_outcomes WHERE account_number = p_account AND outcome = 'held';
    SELECT format('%s of %s (%s): %s', concat_ws(' ', x.type, nullif(x.sub_type, ''), nullif(x.symbol, '')), x.date,
            x.activity_id, o.detail) INTO first_held
        FROM activity_outcomes o JOIN activities x USING (activity_id)
        WHERE o.account_number = p_account AND o.outcome = 'held' ORDER BY x.created_at, x.activity_id LIMIT 1;
    SELECT coalesce((SELECT max(created_at) FROM activities WHERE account_number = p_account),
        (SELECT at FROM openings WHERE account_number = p_account)) INTO newest_at;
END
$$;

-- Makes the ledger say what the broker says, all of it against equity: what is too much or too little in `unassigned`, and
-- the cash. What is held is put right with it. 'new', 'same' (this very one), or why not.
CREATE FUNCTION correct_ledger(p_account text, p_key text, p_at timestamptz, p_cash numeric, p_positions jsonb, p_reason text,
                               p_operator text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    new_entry bigint;
    off_cash numeric;
    lines jsonb;
BEGIN
    PERFORM 1 FROM accounts WHERE account_number = p_account FOR NO KEY UPDATE;
    PERFORM 1 FROM corrections WHERE correction_key = p_key;
    IF FOUND THEN
        RETURN 'same';
    END IF;
    PERFORM 1 FROM openings WHERE account_number = p_account;
    IF NOT FOUND THEN
        RETURN 'the account has no opening entry: accept the opening first (paperguard opening accept)';
    END IF;
    PERFORM 1 FROM orders o JOIN intents i USING (client_order_id) WHERE i.account_number = p_account AND o.open;
    IF FOUND THEN
        RETURN 'orders are open or their fills are missing: wait for them or cancel them first';
    END IF;
    SELECT p_cash - coalesce((SELECT cash FROM cash_balances WHERE account_number = p_account), 0) INTO off_cash;
    SELECT coalesce(jsonb_agg(jsonb_build_object('symbol', d.symbol, 'ledger', plain(d.ours), 'broker', plain(d.theirs), 'amount',
        plain(d.amount)) ORDER BY d.symbol COLLATE "C"), '[]') INTO lines
        FROM (SELECT symbol, coalesce(o.qty, 0) AS ours, coalesce(t.qty, 0) AS theirs,
                round((coalesce(t.qty, 0) - coalesce(o.qty, 0)) * CASE WHEN t.qty <> 0 THEN t.cost / t.qty
                    WHEN o.qty <> 0 THEN o.cost / o.qty ELSE 0 END, 9) AS amount
            FROM (SELECT symbol, sum(qty) AS qty, sum(cost) AS cost FROM books WHERE account_number = p_account GROUP BY 1) o
            FULL JOIN jsonb_to_recordset(p_positions) AS t (symbol text, qty numeric, cost numeric) USING (symbol)) d
        WHERE d.ours <> d.theirs;
    PERFORM 1 FROM activity_outcomes WHERE account_number = p_account AND outcome = 'held';
    IF NOT FOUND AND off_cash = 0 AND lines = '[]' THEN
        RETURN 'there is nothing to correct: ledger and broker agree';
    END IF;
    INSERT INTO entries (account_number, kind, at, detail) VALUES (p_account, 'correction', p_at,
        format('%s (%s)', p_reason, p_operator)) RETURNING entry_id INTO new_entry;
    INSERT INTO postings SELECT new_entry, row_number() OVER (ORDER BY x.symbol COLLATE "C"), p_account, 'position', 'unassigned',
        x.symbol, x.broker - x.ledger, x.amount
        FROM jsonb_to_recordset(lines) AS x (symbol text, ledger numeric, broker numeric, amount numeric);
    INSERT INTO postings SELECT new_entry, coalesce(max(line), 0) + 1, p_account, 'cash', '', 'USD', 0, off_cash FROM postings
        WHERE entry_id = new_entry;
    INSERT INTO postings SELECT new_entry, max(line) + 1, p_account, 'equity', '', 'USD', 0, -sum(amount) FROM postings
        WHERE entry_id = new_entry;
    INSERT INTO corrections VALUES (new_entry, p_key, p_account, p_reason, p_operator, jsonb_build_object('cash',
        plain(off_cash), 'positions', lines), p_at);
    UPDATE activity_outcomes SET outcome = 'corrected', entry_id = new_entry, at = p_at
        WHERE account_number = p_account AND outcome = 'held';
    RETURN 'new';
END
$$;

-- More of what an entry must be: a split and a transfer move no cash, fees and cash move no shares.
CREATE FUNCTION check_entry_kind() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shares bigint;
    cash numeric;
    worth numeric;
BEGIN
    SELECT count(*) FILTER (WHERE part = 'position'), coalesce(sum(amount) FILTER (WHERE part = 'cash'), 0),
        coalesce(sum(amount) FILTER (WHERE part = 'position'), 0) INTO shares, cash, worth
        FROM postings WHERE entry_id = NEW.entry_id;
    IF NEW.kind = 'corporate_action' AND (cash <> 0 OR worth <> 0 OR shares = 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'PG004', MESSAGE = format('corporate action %s changes what the books cost', NEW.entry_id);
    ELSIF NEW.kind IN ('fee', 'cash') AND (shares > 0 OR cash = 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'PG004', MESSAGE = format('%s %s moves shares, or no cash', NEW.kind, NEW.entry_id);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER entry_kind AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.kind IN ('corporate_action', 'fee', 'cash')) EXECUTE FUNCTION check_entry_kind();
