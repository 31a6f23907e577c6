-- compatible-from: 14
-- An operator has seen a parked order that never reached the broker and closes it: nothing is sent again, the next run plans
-- what is missing. 'applied', or why not.
CREATE FUNCTION close_parked(p_id text, p_reason text, p_operator text, p_at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    o orders;
BEGIN
    SELECT * INTO o FROM orders WHERE client_order_id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'no intent has this client order id';
    ELSIF o.status <> 'not_placed' THEN
        RETURN format('the order is %s: only one that never reached the broker is closed', o.status);
    END IF;
    UPDATE parked_orders SET resolved_at = p_at, outcome = 'not_placed', resolution = p_reason, operator = p_operator
        WHERE client_order_id = p_id AND resolved_at IS NULL;
    IF NOT FOUND THEN
        RETURN 'the order is not parked';
    END IF;
    INSERT INTO order_events (client_order_id, status, filled_qty, at, source, reason)
        VALUES (p_id, 'not_placed', 0, p_at, 'operator', concat_ws(': ', p_operator, p_reason));
    RETURN 'applied';
END
$$;
