-- compatible-from: 7
-- How well an order was carried out: when it was handed to the wire, and the quotes at decision and at fill.
CREATE TABLE decision_quotes ( -- bid and ask themselves are the intent's
    client_order_id text PRIMARY KEY REFERENCES intents,
    quote_at timestamptz, -- the broker's time of bid and ask, NULL: there was no quote
    price_at timestamptz  -- of the price that was decided on
);
CREATE TABLE fill_quotes ( -- the newest quote when the fill was seen; fills that were seen late have none
    activity_id text PRIMARY KEY REFERENCES fills,
    bid numeric(20, 9) CHECK (bid > 0),
    ask numeric(20, 9) CHECK (ask > 0),
    quote_at timestamptz NOT NULL,
    read_at timestamptz NOT NULL
);
SELECT make_append_only(t) FROM unnest(ARRAY['decision_quotes', 'fill_quotes']) t;

-- Basis points between what was paid and what was expected, to four places, half away from zero, in whole numbers all the
-- way: positive is worse for us (a buy above, a sell below).
CREATE FUNCTION slippage_bps(side text, expected numeric, got numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN expected > 0 THEN trim_scale(sign(worse) * div(abs(worse) * 200000000 + expected, expected * 2) / 10000) END
    FROM (SELECT CASE side WHEN 'buy' THEN got - expected ELSE expected - got END AS worse) x
$$;

-- The same as an amount in dollars, exact to nine places (half away from zero): positive is worse for us.
CREATE FUNCTION slippage_amount(side text, expected numeric, qty numeric, paid numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT round(CASE side WHEN 'buy' THEN paid - expected * qty ELSE expected * qty - paid END, 9)
$$;

CREATE FUNCTION commit_quoted_intent(i intents, p_quote_at timestamptz, p_price_at timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    verdict text := commit_intent(i);
BEGIN
    IF verdict IN ('new', 'same') THEN
        INSERT INTO decision_quotes VALUES (i.client_order_id, p_quote_at, p_price_at) ON CONFLICT DO NOTHING;
    END IF;
    RETURN verdict;
END
$$;

-- Sending goes back to intent when the broker refused the order unseen (its rate limit): it will be handed over again, the
-- same, under the same id.
CREATE OR REPLACE FUNCTION order_may_move(o orders, p_status text, p_filled numeric, p_broker_at timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    was order_statuses;
    want order_statuses;
BEGIN
    SELECT * INTO STRICT was FROM order_statuses WHERE status = o.status;
    SELECT * INTO STRICT want FROM order_statuses WHERE status = p_status;
    IF want.ours THEN
        RETURN was.rank = 0 AND (p_status <> 'intent' OR o.status = 'sending' AND o.order_id IS NULL);
    ELSIF want.rank <> was.rank THEN
        RETURN want.rank > was.rank;
    END IF;
    RETURN coalesce(p_broker_at IS NOT NULL AND o.broker_at IS NULL OR p_broker_at > o.broker_at
                    OR p_broker_at = o.broker_at AND p_filled > o.filled_qty, false);
END
$$;
