-- compatible-from: 22
-- A session that begins in the evening before (a market around the clock) has fills of the day before it: an order that was given
-- up may have them too.
CREATE OR REPLACE FUNCTION order_in_doubt(f fills) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    day date := (f.transaction_time AT TIME ZONE 'America/New_York')::date;
BEGIN
    RETURN (SELECT o.client_order_id FROM orders o JOIN intents i USING (client_order_id)
        WHERE i.account_number = f.account_number AND i.symbol = f.symbol AND i.side = f.side AND o.order_id IS NULL
            AND (o.status IN ('intent', 'sending', 'unknown')
                OR o.status = 'not_placed'
                    AND (i.session >= day OR i.time_in_force = 'gtc' AND i.session < day)
                    AND (o.sent_at IS NOT NULL
                        OR EXISTS (SELECT FROM order_events e WHERE e.client_order_id = o.client_order_id
                            AND e.status = 'unknown')))
        ORDER BY i.created_at LIMIT 1);
END
$$;
