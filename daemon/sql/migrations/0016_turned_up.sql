-- compatible-from: 15
-- An order that was given up may turn up at the broker after all: its word wins, and a fill of it waits until it is known.

-- Orders that the broker lists and that are not ours: their fills wait for nothing. Noted only while a fill is in doubt.
CREATE TABLE orders_of_others (
    order_id text PRIMARY KEY CHECK (order_id <> ''),
    account_number text NOT NULL REFERENCES accounts,
    client_order_id text NOT NULL,
    seen_at timestamptz NOT NULL
);
SELECT make_append_only('orders_of_others');

-- What was not placed, as far as we knew, may still be anything the broker says, unless it was told of before.
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
    ELSIF o.status = 'not_placed' AND o.order_id IS NULL THEN
        RETURN true;
    ELSIF want.rank <> was.rank THEN
        RETURN want.rank > was.rank;
    END IF;
    RETURN coalesce(p_broker_at IS NOT NULL AND o.broker_at IS NULL OR p_broker_at > o.broker_at
                    OR p_broker_at = o.broker_at AND p_filled > o.filled_qty, false);
END
$$;

-- An order of ours that a fill could belong to, for all we know, NULL when there is none: one without a broker id that has no
-- answer yet, or that left and was given up, in its own session (good till cancelled: from then on).
CREATE FUNCTION order_in_doubt(f fills) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT o.client_order_id FROM orders o JOIN intents i USING (client_order_id),
            LATERAL (SELECT (f.transaction_time AT TIME ZONE 'America/New_York')::date AS day) t
        WHERE i.account_number = f.account_number AND i.symbol = f.symbol AND i.side = f.side AND o.order_id IS NULL
            AND (o.status IN ('intent', 'sending', 'unknown')
                OR o.status = 'not_placed'
                    AND (i.session = t.day OR i.time_in_force = 'gtc' AND i.session < t.day)
                    AND (o.sent_at IS NOT NULL
                        OR EXISTS (SELECT FROM order_events e WHERE e.client_order_id = o.client_order_id
                            AND e.status = 'unknown')))
        ORDER BY i.created_at LIMIT 1
$$;

-- Whose order a fill belongs to, NULL when it is not ours. While an order of ours could be this one nobody can tell: refused
-- until that one is known, or the broker's list shows whose this one is.
CREATE OR REPLACE FUNCTION order_of_fill(f fills) RETURNS text LANGUAGE plpgsql STABLE AS $$
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
    PERFORM 1 FROM orders_of_others n WHERE n.order_id = f.order_id AND n.account_number = f.account_number;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    doubt := order_in_doubt(f);
    IF doubt IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PG005', MESSAGE = format(
            'fill %s of order %s may belong to %s, whose broker id is not known yet: look that order up first', f.activity_id,
            f.order_id, doubt);
    END IF;
    RETURN NULL;
END
$$;

-- An order of the broker's list that nobody here follows: ours is brought up to date, another's is noted. As update_order.
CREATE FUNCTION order_listed(p_account text, p_id text, p_order_id text, p_status text, p_filled numeric, p_avg numeric,
                             p_broker_at timestamptz, p_at timestamptz)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM intents WHERE client_order_id = p_id AND account_number = p_account;
    IF FOUND THEN
        RETURN update_order(p_id, p_order_id, p_status, p_filled, p_avg, p_broker_at, p_at, 'list', '');
    END IF;
    INSERT INTO orders_of_others VALUES (p_order_id, p_account, p_id, p_at) ON CONFLICT DO NOTHING;
    RETURN 'applied';
END
$$;
