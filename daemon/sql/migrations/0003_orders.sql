-- compatible-from: 3
-- Intents (which are the reservations) and what became of them. An intent is written once, before anything is sent.
CREATE TABLE order_statuses (
    status text PRIMARY KEY,
    rank integer NOT NULL,
    terminal boolean NOT NULL,
    ours boolean NOT NULL, -- never said by the broker
    CHECK (terminal = (rank >= 4))
);
INSERT INTO order_statuses VALUES
    ('intent', 0, false, true), ('sending', 0, false, true), ('unknown', 0, false, true),
    ('denied', 4, true, true), ('dry_run', 4, true, true), ('not_placed', 4, true, true),
    ('pending_new', 1, false, false), ('new', 2, false, false), ('accepted', 2, false, false),
    ('accepted_for_bidding', 2, false, false), ('held', 2, false, false), ('other', 2, false, false),
    ('stopped', 3, false, false), ('suspended', 3, false, false), ('calculated', 3, false, false),
    ('partially_filled', 3, false, false), ('done_for_day', 3, false, false), ('pending_cancel', 3, false, false),
    ('pending_replace', 3, false, false), ('canceled', 4, true, false), ('expired', 4, true, false),
    ('replaced', 4, true, false), ('rejected', 4, true, false), ('filled', 5, true, false);

CREATE TABLE intents (
    client_order_id text PRIMARY KEY CHECK (length(client_order_id) BETWEEN 1 AND 128),
    account_number text NOT NULL REFERENCES accounts,
    session date NOT NULL,
    run_id text REFERENCES runs,
    leg integer,
    try_no integer,
    strategy text NOT NULL, -- whose book when there is no leg; '' is unassigned
    class text NOT NULL CHECK (class IN ('OPEN', 'REDUCE')),
    symbol text NOT NULL CHECK (symbol <> ''),
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    type text NOT NULL CHECK (type IN ('market', 'limit', 'stop', 'stop_limit', 'trailing_stop')),
    time_in_force text NOT NULL CHECK (time_in_force IN ('day', 'gtc', 'opg', 'cls', 'ioc', 'fok')),
    qty numeric(20, 9) CHECK (qty > 0),
    notional numeric(20, 9) CHECK (notional > 0),
    limit_price numeric(20, 9) CHECK (limit_price > 0),
    extended_hours boolean NOT NULL,
    body text NOT NULL CHECK (body <> ''), -- sent byte for byte
    reserved numeric(20, 9) NOT NULL CHECK (reserved >= 0),
    decision_price numeric(20, 9) CHECK (decision_price > 0),
    bid numeric(20, 9) CHECK (bid > 0),
    ask numeric(20, 9) CHECK (ask > 0),
    created_at timestamptz NOT NULL,
    host text NOT NULL,
    instance text NOT NULL,
    CHECK ((qty IS NULL) <> (notional IS NULL)),
    CHECK ((leg IS NULL) = (try_no IS NULL)),
    CHECK (leg IS NULL OR run_id IS NOT NULL),
    CHECK (try_no > 0),
    FOREIGN KEY (run_id, leg) REFERENCES legs,
    UNIQUE (run_id, leg, try_no)
);
CREATE INDEX intents_by_session ON intents (account_number, session);
CREATE INDEX intents_by_time ON intents (account_number, created_at);

CREATE TABLE orders (
    client_order_id text PRIMARY KEY REFERENCES intents,
    order_id text UNIQUE CHECK (order_id <> ''),
    status text NOT NULL REFERENCES order_statuses,
    filled_qty numeric(20, 9) NOT NULL CHECK (filled_qty >= 0),
    recorded_qty numeric(20, 9) NOT NULL DEFAULT 0 CHECK (recorded_qty >= 0), -- sum of its fills, kept by a trigger on them
    filled_avg_price numeric(20, 9) CHECK (filled_avg_price > 0),
    broker_at timestamptz, -- the broker's own time of the last update that was applied
    sent_at timestamptz,
    answered_at timestamptz,
    updated_at timestamptz NOT NULL,
    reason text NOT NULL,
    -- Still to be followed: not ended, or more filled than there are fills recorded. The words are those of order_statuses.
    open boolean NOT NULL GENERATED ALWAYS AS (filled_qty > recorded_qty OR status NOT IN ('denied', 'dry_run', 'not_placed',
        'canceled', 'expired', 'replaced', 'rejected', 'filled')) STORED
);
CREATE INDEX orders_open ON orders (client_order_id) WHERE open;

CREATE TABLE order_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_order_id text NOT NULL REFERENCES intents,
    order_id text,
    status text NOT NULL REFERENCES order_statuses,
    filled_qty numeric(20, 9) NOT NULL,
    filled_avg_price numeric(20, 9),
    broker_at timestamptz,
    at timestamptz NOT NULL,
    source text NOT NULL,
    reason text NOT NULL
);
CREATE INDEX order_events_by_order ON order_events (client_order_id);

SELECT make_append_only(t) FROM unnest(ARRAY['order_statuses', 'intents', 'order_events']) t;
SELECT make_lasting('orders');

-- What must hold between an intent and the plan it belongs to.
CREATE FUNCTION check_intent_leg(i intents) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r runs;
    l legs;
    taken numeric;
BEGIN
    SELECT * INTO r FROM runs WHERE run_id = i.run_id FOR SHARE;
    IF r.account_number <> i.account_number OR r.session <> i.session THEN
        RAISE EXCEPTION USING ERRCODE = 'PG003', MESSAGE = format(
            'run %s is of account %s, session %s; the intent says %s, %s', r.run_id, r.account_number, r.session,
            i.account_number, i.session);
    END IF;
    IF i.leg IS NULL THEN
        RETURN;
    END IF;
    IF r.status NOT IN ('planned', 'sending', 'settling') THEN
        RAISE EXCEPTION USING ERRCODE = 'PG003', MESSAGE = format(
            'run %s is %s: orders of its legs need a stored plan and a run that is not over', r.run_id, r.status);
    END IF;
    SELECT * INTO l FROM legs WHERE run_id = i.run_id AND leg = i.leg;
    IF l.symbol <> i.symbol OR l.side <> i.side THEN
        RAISE EXCEPTION USING ERRCODE = 'PG003', MESSAGE = format('leg %s of run %s is %s %s, the intent %s %s', i.leg,
            i.run_id, l.side, l.symbol, i.side, i.symbol);
    END IF;
    PERFORM 1 FROM intents p JOIN orders o USING (client_order_id) JOIN order_statuses s USING (status)
        WHERE p.run_id = i.run_id AND p.leg = i.leg AND (p.try_no >= i.try_no OR NOT s.terminal);
    IF FOUND OR i.try_no <> 1 + (SELECT count(*) FROM intents WHERE run_id = i.run_id AND leg = i.leg) THEN
        RAISE EXCEPTION USING ERRCODE = 'PG003', MESSAGE = format(
            'try %s of leg %s of run %s needs every earlier try to have ended', i.try_no, i.leg, i.run_id);
    END IF;
    SELECT coalesce(sum(o.filled_qty), 0) INTO taken FROM intents p JOIN orders o USING (client_order_id)
        WHERE p.run_id = i.run_id AND p.leg = i.leg;
    IF taken + i.qty > l.qty THEN
        RAISE EXCEPTION USING ERRCODE = 'PG003', MESSAGE = format('leg %s of run %s has %s left, the intent wants %s', i.leg,
            i.run_id, plain(l.qty - taken), plain(i.qty));
    END IF;
END
$$;

-- 'new': committed now. 'same': already there word for word and never handed over. Else why not.
CREATE FUNCTION commit_intent(i intents) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found_row intents;
    now_status text;
BEGIN
    SELECT * INTO found_row FROM intents WHERE client_order_id = i.client_order_id;
    IF NOT FOUND THEN
        PERFORM 1 FROM accounts WHERE account_number = i.account_number FOR NO KEY UPDATE;
        IF i.run_id IS NOT NULL THEN
            PERFORM check_intent_leg(i);
        END IF;
        INSERT INTO intents SELECT i.* ON CONFLICT (client_order_id) DO NOTHING;
        IF FOUND THEN
            INSERT INTO orders (client_order_id, status, filled_qty, updated_at, reason)
                VALUES (i.client_order_id, 'intent', 0, i.created_at, '');
            INSERT INTO order_events (client_order_id, status, filled_qty, at, source, reason)
                VALUES (i.client_order_id, 'intent', 0, i.created_at, 'desk', '');
            RETURN 'new';
        END IF;
        SELECT * INTO found_row FROM intents WHERE client_order_id = i.client_order_id;
    END IF;
    SELECT status INTO now_status FROM orders WHERE client_order_id = i.client_order_id;
    found_row.created_at := i.created_at;
    found_row.host := i.host;
    found_row.instance := i.instance;
    IF found_row IS DISTINCT FROM i THEN
        RETURN 'an intent with this client order id and other content exists (its order is ' || now_status || ')';
    ELSIF now_status <> 'intent' THEN
        RETURN 'the order of this intent was handed over already (it is ' || now_status || ')';
    END IF;
    RETURN 'same';
END
$$;

-- May an order go from one status to another? Ours come before the broker's; the broker's go up in rank, or on in time at
-- the same rank. What has ended stays ended: its rank is above every other.
CREATE FUNCTION order_may_move(o orders, p_status text, p_filled numeric, p_broker_at timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    was order_statuses;
    want order_statuses;
BEGIN
    SELECT * INTO STRICT was FROM order_statuses WHERE status = o.status;
    SELECT * INTO STRICT want FROM order_statuses WHERE status = p_status;
    IF want.ours THEN
        RETURN was.rank = 0 AND p_status <> 'intent'; -- sending, unknown, sent again; denied, dry_run, not_placed
    ELSIF want.rank <> was.rank THEN
        RETURN want.rank > was.rank;
    END IF;
    RETURN coalesce(p_broker_at IS NOT NULL AND o.broker_at IS NULL OR p_broker_at > o.broker_at
                    OR p_broker_at = o.broker_at AND p_filled > o.filled_qty, false);
END
$$;

-- 'applied', 'same' (nothing new in it), or why not. Every update that is applied is kept in order_events.
CREATE FUNCTION update_order(p_id text, p_order_id text, p_status text, p_filled numeric, p_avg numeric,
                             p_broker_at timestamptz, p_at timestamptz, p_source text, p_reason text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    o orders;
    broker_spoke boolean;
BEGIN
    SELECT * INTO o FROM orders WHERE client_order_id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'no intent has this client order id';
    END IF;
    SELECT NOT ours INTO broker_spoke FROM order_statuses WHERE status = p_status;
    IF NOT broker_spoke THEN
        p_broker_at := NULL; -- our clock says nothing about the order of the broker's words
    END IF;
    IF o.order_id <> p_order_id THEN
        RETURN format('the order is %s at the broker, not %s', o.order_id, p_order_id);
    ELSIF o.status = p_status AND (p_broker_at IS NULL OR o.broker_at IS NOT DISTINCT FROM p_broker_at)
        AND o.filled_qty = p_filled AND (p_order_id IS NULL OR o.order_id = p_order_id) THEN
        RETURN 'same';
    ELSIF NOT order_may_move(o, p_status, p_filled, p_broker_at) THEN
        RETURN format('stale: the order is %s as of %s, the update says %s as of %s', o.status, coalesce(utc(o.broker_at),
            'no broker time'), p_status, coalesce(utc(p_broker_at), 'no broker time'));
    END IF;
    UPDATE orders SET status = p_status,
        order_id = coalesce(o.order_id, p_order_id),
        filled_qty = greatest(o.filled_qty, p_filled),
        filled_avg_price = CASE WHEN p_filled >= o.filled_qty THEN coalesce(p_avg, o.filled_avg_price)
                                ELSE o.filled_avg_price END,
        broker_at = coalesce(p_broker_at, o.broker_at),
        sent_at = CASE WHEN p_status = 'sending' THEN coalesce(o.sent_at, p_at) ELSE o.sent_at END,
        answered_at = CASE WHEN broker_spoke THEN coalesce(o.answered_at, p_at) ELSE o.answered_at END,
        updated_at = p_at,
        reason = CASE WHEN p_reason <> '' THEN p_reason ELSE o.reason END
        WHERE client_order_id = p_id;
    INSERT INTO order_events (client_order_id, order_id, status, filled_qty, filled_avg_price, broker_at, at, source, reason)
        VALUES (p_id, p_order_id, p_status, p_filled, p_avg, p_broker_at, p_at, p_source, p_reason);
    RETURN 'applied';
END
$$;
