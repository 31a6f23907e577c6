-- compatible-from: 8
-- An order that is proven never to have reached the broker goes back to intent too: it is sent again under its id.
CREATE OR REPLACE FUNCTION order_may_move(o orders, p_status text, p_filled numeric, p_broker_at timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    was order_statuses;
    want order_statuses;
BEGIN
    SELECT * INTO STRICT was FROM order_statuses WHERE status = o.status;
    SELECT * INTO STRICT want FROM order_statuses WHERE status = p_status;
    IF want.ours THEN
        RETURN was.rank = 0 AND (p_status <> 'intent' OR o.status IN ('sending', 'unknown') AND o.order_id IS NULL);
    ELSIF want.rank <> was.rank THEN
        RETURN want.rank > was.rank;
    END IF;
    RETURN coalesce(p_broker_at IS NOT NULL AND o.broker_at IS NULL OR p_broker_at > o.broker_at
                    OR p_broker_at = o.broker_at AND p_filled > o.filled_qty, false);
END
$$;
