-- compatible-from: 12
-- Parked orders: handed over or not, they ended (or their run did) without an answer of the broker that they were placed.
-- They wait for an operator, or for the broker's word. How each came out is kept; order_events have the history.
CREATE TABLE parked_orders (
    client_order_id text PRIMARY KEY REFERENCES orders,
    account_number text NOT NULL REFERENCES accounts,
    run_id text REFERENCES runs,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL,
    times integer NOT NULL DEFAULT 1, -- parked again after a retry
    resolved_at timestamptz,
    outcome text, -- not_placed, retry, or what the broker told in the end
    resolution text,
    operator text,
    CHECK ((resolved_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX parked_orders_waiting ON parked_orders (account_number) WHERE resolved_at IS NULL;
SELECT make_lasting('parked_orders');

CREATE FUNCTION park_order(p_id text, p_reason text, p_at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO parked_orders (client_order_id, account_number, run_id, reason, parked_at)
        SELECT i.client_order_id, i.account_number, i.run_id, p_reason, p_at FROM intents i WHERE i.client_order_id = p_id
    ON CONFLICT (client_order_id) DO UPDATE SET reason = EXCLUDED.reason, parked_at = EXCLUDED.parked_at,
        times = parked_orders.times + 1, resolved_at = NULL, outcome = NULL, resolution = NULL, operator = NULL
        WHERE parked_orders.resolved_at IS NOT NULL
$$;

-- Does nobody look after it any more but the daemon's lookups?
CREATE FUNCTION run_is_over(p_id text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT i.run_id IS NULL OR s.terminal FROM intents i LEFT JOIN runs r USING (run_id) LEFT JOIN run_statuses s
        ON s.status = r.status WHERE i.client_order_id = p_id
$$;

CREATE FUNCTION park_by_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status IN ('unknown', 'not_placed') AND NEW.source <> 'operator' THEN
        IF run_is_over(NEW.client_order_id) THEN
            PERFORM park_order(NEW.client_order_id, concat_ws(': ', NEW.status, nullif(NEW.reason, '')), NEW.at);
        END IF;
    ELSIF NEW.status NOT IN ('intent', 'sending', 'unknown') THEN
        UPDATE parked_orders SET resolved_at = NEW.at, outcome = NEW.status, resolution = NEW.reason, operator = NEW.source
            WHERE client_order_id = NEW.client_order_id AND resolved_at IS NULL;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER park_by_event AFTER INSERT ON order_events FOR EACH ROW EXECUTE FUNCTION park_by_event();

CREATE FUNCTION park_by_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM park_order(o.client_order_id, concat_ws(': ', o.status || ' when its run ended', nullif(o.reason, '')),
            coalesce(NEW.completed_at, o.updated_at))
        FROM orders o JOIN intents i USING (client_order_id) JOIN run_statuses s ON s.status = NEW.status
        WHERE i.run_id = NEW.run_id AND s.terminal AND o.status IN ('intent', 'sending', 'unknown', 'not_placed');
    RETURN NULL;
END
$$;
CREATE TRIGGER park_by_run AFTER UPDATE ON runs FOR EACH ROW WHEN (NEW.status <> OLD.status)
    EXECUTE FUNCTION park_by_run();

-- An operator has it sent again, the same order under the same id: only what was proven never to have been placed, and only
-- in its own session. 'applied', or why not.
CREATE FUNCTION reopen_order(p_id text, p_session date, p_reason text, p_operator text, p_at timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    o orders;
    i intents;
BEGIN
    SELECT * INTO o FROM orders WHERE client_order_id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'no intent has this client order id';
    END IF;
    SELECT * INTO i FROM intents WHERE client_order_id = p_id;
    PERFORM 1 FROM parked_orders WHERE client_order_id = p_id AND resolved_at IS NULL;
    IF NOT FOUND THEN
        RETURN format('the order is not parked: it is %s', o.status);
    ELSIF o.status <> 'not_placed' OR o.order_id IS NOT NULL OR o.filled_qty > 0 THEN
        RETURN format('the order is %s: only one that was never placed is sent again', o.status);
    ELSIF i.session <> p_session THEN
        RETURN format('the order belongs to session %s, which is over', i.session);
    ELSIF EXISTS (SELECT FROM intents n WHERE n.run_id = i.run_id AND n.leg = i.leg AND n.try_no > i.try_no) THEN
        RETURN 'a later try of its leg exists';
    END IF;
    UPDATE orders SET status = 'intent', updated_at = p_at, reason = p_reason WHERE client_order_id = p_id;
    INSERT INTO order_events (client_order_id, status, filled_qty, at, source, reason)
        VALUES (p_id, 'intent', 0, p_at, 'operator', concat_ws(': ', p_operator, p_reason));
    UPDATE parked_orders SET resolved_at = p_at, outcome = 'retry', resolution = p_reason, operator = p_operator
        WHERE client_order_id = p_id;
    RETURN 'applied';
END
$$;
