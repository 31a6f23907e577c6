-- compatible-from: 17
-- An operator has a parked order sent again: the same order under the same id, in its own session, before its run's deadline, and
-- only while nothing has planned, or is planning, what it would buy or sell.

-- Until when an order that was sent again may leave: the deadline of its run. NULL: nobody had it sent again.
CREATE FUNCTION retry_until(p_id text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT utc(r.deadline_at) FROM intents i JOIN runs r USING (run_id)
        WHERE i.client_order_id = p_id AND EXISTS (SELECT FROM order_events e
            WHERE e.client_order_id = p_id AND e.status = 'intent' AND e.source = 'operator')
$$;

-- A run that planned after this order was made, for a strategy whose order it is: it bought or sold what this one did not.
CREATE FUNCTION planned_since(i intents) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT r.run_id FROM runs r JOIN run_members m USING (run_id)
        WHERE r.account_number = i.account_number AND r.planned_at > i.created_at AND r.run_id IS DISTINCT FROM i.run_id
            AND (m.strategy = i.strategy
                OR EXISTS (SELECT FROM leg_allocations a
                    WHERE a.run_id = i.run_id AND a.leg = i.leg AND a.strategy = m.strategy))
        ORDER BY r.planned_at LIMIT 1
$$;

-- Why an order cannot be sent again, NULL when it can.
CREATE FUNCTION retry_refused(p_id text, p_session date, p_at timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    o orders;
    i intents;
    p parked_orders;
    r runs;
    other text;
BEGIN
    SELECT * INTO o FROM orders WHERE client_order_id = p_id;
    IF NOT FOUND THEN
        RETURN 'no intent has this client order id';
    END IF;
    SELECT * INTO i FROM intents WHERE client_order_id = p_id;
    SELECT * INTO p FROM parked_orders WHERE client_order_id = p_id;
    SELECT * INTO r FROM runs WHERE run_id = i.run_id;
    IF NOT run_is_over(p_id) THEN
        RETURN format('its run %s is under way and looks after it', i.run_id);
    ELSIF p.client_order_id IS NULL OR p.resolved_at IS NOT NULL THEN
        RETURN format('the order is not parked: it is %s', o.status) || coalesce(format(' (%s: %s)', p.outcome, p.resolution), '');
    ELSIF o.status <> 'not_placed' OR o.order_id IS NOT NULL OR o.filled_qty > 0 THEN
        RETURN format('the order is %s: only one that was never placed is sent again', o.status);
    ELSIF i.session <> p_session THEN
        RETURN format('the order belongs to session %s, which is over', i.session);
    ELSIF EXISTS (SELECT FROM intents n WHERE n.run_id = i.run_id AND n.leg = i.leg AND n.try_no > i.try_no) THEN
        RETURN 'a later try of its leg exists';
    ELSIF r.deadline_at <= p_at THEN
        RETURN format('the deadline of its run was %s: nothing of it leaves after that', utc(r.deadline_at));
    END IF;
    IF i.run_id IS NULL AND i.strategy = '' THEN
        RETURN NULL; -- no run plans from what belongs to none
    END IF;
    SELECT n.run_id INTO other FROM runs n JOIN run_statuses s USING (status)
        WHERE n.account_number = i.account_number AND NOT s.terminal LIMIT 1;
    IF FOUND THEN
        RETURN format('run %s is under way and plans without it', other);
    END IF;
    other := planned_since(i);
    IF other IS NOT NULL THEN
        RETURN format('run %s has planned since: what this order would do is done, or was not wanted any more', other);
    END IF;
    RETURN NULL;
END
$$;

-- 'applied', or why not. The same call again (same time, same operator) is the same reopening.
CREATE OR REPLACE FUNCTION reopen_order(p_id text, p_session date, p_reason text, p_operator text, p_at timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    o orders;
    refused text;
BEGIN
    SELECT * INTO o FROM orders WHERE client_order_id = p_id FOR UPDATE;
    PERFORM 1 FROM parked_orders WHERE client_order_id = p_id AND outcome = 'retry' AND resolved_at = p_at AND operator = p_operator;
    IF FOUND AND o.status = 'intent' THEN
        RETURN 'same';
    END IF;
    refused := retry_refused(p_id, p_session, p_at);
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    UPDATE orders SET status = 'intent', updated_at = p_at, reason = p_reason WHERE client_order_id = p_id;
    INSERT INTO order_events (client_order_id, status, filled_qty, at, source, reason)
        VALUES (p_id, 'intent', 0, p_at, 'operator', concat_ws(': ', p_operator, p_reason));
    UPDATE parked_orders SET resolved_at = p_at, outcome = 'retry', resolution = p_reason, operator = p_operator
        WHERE client_order_id = p_id;
    RETURN 'applied';
END
$$;
