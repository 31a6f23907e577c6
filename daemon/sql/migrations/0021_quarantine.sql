-- compatible-from: 20
-- Orders at the broker that no intent of this ledger is of: foreign, or with a client order id of ours (orphan: of another
-- ledger, or of one that was lost). They wait for an operator, who adopts or cancels them, or for their end.
CREATE TABLE quarantine (
    order_id text PRIMARY KEY CHECK (order_id <> ''),
    account_number text NOT NULL REFERENCES accounts,
    client_order_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('foreign', 'orphan')),
    symbol text NOT NULL,
    side text NOT NULL,
    type text NOT NULL,
    time_in_force text NOT NULL,
    qty numeric(20, 9),
    notional numeric(20, 9),
    limit_price numeric(20, 9),
    stop_price numeric(20, 9),
    status text NOT NULL REFERENCES order_statuses,
    filled_qty numeric(20, 9) NOT NULL,
    filled_avg_price numeric(20, 9),
    submitted_at timestamptz,
    broker_at timestamptz,
    first_seen_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    cancel_asked_at timestamptz,
    ended_at timestamptz,
    outcome text, -- adopted, or what became of it at the broker
    strategy text, -- into whose book it was adopted
    operator text,
    reason text,
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX quarantine_open ON quarantine (account_number) WHERE ended_at IS NULL;
CREATE INDEX quarantine_by_time ON quarantine (account_number, first_seen_at);
SELECT make_lasting('quarantine');

-- What the broker says of it now. news: it was not known before; an order that was adopted is ours and stays as it is.
CREATE FUNCTION quarantine_order(q quarantine, p_at timestamptz, OUT news boolean, OUT cancel boolean) LANGUAGE plpgsql AS $$
DECLARE
    ended boolean;
BEGIN
    SELECT terminal INTO STRICT ended FROM order_statuses WHERE status = q.status;
    INSERT INTO quarantine AS old SELECT q.*
        ON CONFLICT (order_id) DO UPDATE SET status = EXCLUDED.status, filled_qty = EXCLUDED.filled_qty,
            filled_avg_price = EXCLUDED.filled_avg_price, broker_at = EXCLUDED.broker_at, seen_at = EXCLUDED.seen_at
        WHERE old.outcome IS DISTINCT FROM 'adopted'
        RETURNING old.xmax = 0, old.cancel_asked_at IS NOT NULL INTO news, cancel;
    IF ended THEN
        UPDATE quarantine SET ended_at = p_at, outcome = q.status WHERE order_id = q.order_id AND ended_at IS NULL;
    END IF;
    news := coalesce(news, false);
    cancel := coalesce(cancel, false);
END
$$;

-- 'applied', or why not.
CREATE FUNCTION quarantine_cancel(p_account text, p_order_id text, p_reason text, p_operator text, p_at timestamptz)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    q quarantine;
BEGIN
    SELECT * INTO q FROM quarantine WHERE order_id = p_order_id AND account_number = p_account FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'no order in quarantine has this id';
    ELSIF q.ended_at IS NOT NULL THEN
        RETURN format('the order is not in quarantine any more: %s', q.outcome);
    END IF;
    UPDATE quarantine SET cancel_asked_at = p_at, operator = p_operator, reason = p_reason WHERE order_id = p_order_id;
    RETURN 'applied';
END
$$;

-- Ours from now on, as if it had been asked for outside a run: 'applied', or why not. Fills that are recorded stay in
-- unassigned, what follows goes to the strategy's book. The same call again changes nothing.
CREATE FUNCTION quarantine_adopt(p_account text, p_order_id text, p_strategy text, p_session date, p_reserved numeric,
                                 p_reason text, p_operator text, p_at timestamptz, p_host text, p_instance text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    q quarantine;
    said text := concat_ws(': ', p_operator, p_reason);
BEGIN
    SELECT * INTO q FROM quarantine WHERE order_id = p_order_id AND account_number = p_account FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'no order in quarantine has this id';
    ELSIF q.outcome = 'adopted' AND q.ended_at = p_at AND q.operator = p_operator THEN
        RETURN 'same';
    ELSIF q.ended_at IS NOT NULL THEN
        RETURN format('the order is not in quarantine any more: %s', q.outcome);
    ELSIF q.cancel_asked_at IS NOT NULL THEN
        RETURN 'the order is being cancelled';
    END IF;
    PERFORM 1 FROM intents WHERE client_order_id = q.client_order_id;
    IF FOUND THEN
        RETURN format('an intent has its client order id %s already', q.client_order_id);
    END IF;
    INSERT INTO intents (client_order_id, account_number, session, strategy, class, symbol, side, type, time_in_force, qty, notional,
            limit_price, extended_hours, body, reserved, created_at, host, instance)
        VALUES (q.client_order_id, p_account, p_session, p_strategy, 'OPEN', q.symbol, q.side, q.type, q.time_in_force, q.qty,
            CASE WHEN q.qty IS NULL THEN q.notional END, q.limit_price, false, jsonb_strip_nulls(jsonb_build_object(
                'adopted', q.order_id, 'symbol', q.symbol, 'side', q.side, 'type', q.type, 'time_in_force', q.time_in_force,
                'qty', plain(q.qty), 'notional', plain(q.notional), 'limit_price', plain(q.limit_price), 'stop_price',
                plain(q.stop_price), 'client_order_id', q.client_order_id))::text,
            p_reserved, coalesce(q.submitted_at, q.first_seen_at), p_host, p_instance);
    INSERT INTO orders (client_order_id, order_id, status, filled_qty, recorded_qty, filled_avg_price, broker_at, answered_at,
            updated_at, reason)
        VALUES (q.client_order_id, q.order_id, q.status, q.filled_qty, (SELECT coalesce(sum(f.qty), 0) FROM fills f
                WHERE f.order_id = q.order_id AND f.account_number = p_account), q.filled_avg_price, q.broker_at, p_at, p_at,
            'adopted: ' || said);
    INSERT INTO order_events (client_order_id, order_id, status, filled_qty, filled_avg_price, broker_at, at, source, reason)
        VALUES (q.client_order_id, q.order_id, q.status, q.filled_qty, q.filled_avg_price, q.broker_at, p_at, 'operator',
            'adopted: ' || said);
    UPDATE quarantine SET ended_at = p_at, outcome = 'adopted', strategy = p_strategy, operator = p_operator, reason = p_reason
        WHERE order_id = p_order_id;
    RETURN 'applied';
END
$$;
