-- compatible-from: 22
-- The chain of decisions holds all of them: an order that may go is one, written with its intent. A host has a chain for each
-- instance, which it alone writes: no host waits for another's, and a standby's refusals are on record as well.
ALTER TABLE decision_heads SET (fillfactor = 10); -- one row, written for each decision
DO $$ BEGIN
    EXECUTE format('REVOKE UPDATE, TRUNCATE ON decisions FROM PUBLIC, %I', current_user);
END $$;

-- The head's row orders whoever writes the chain; a key that is there already came again after a broken connection.
CREATE OR REPLACE FUNCTION add_decision(d decisions) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    head decision_heads;
BEGIN
    SELECT * INTO head FROM decision_heads WHERE host = d.host AND instance = d.instance FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO decision_heads VALUES (d.host, d.instance, 0, repeat('0', 64)) ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM decision_heads WHERE host = d.host AND instance = d.instance FOR UPDATE;
    END IF;
    d.seq := head.seq + 1;
    d.hash := decision_hash(head.hash, d);
    INSERT INTO decisions SELECT d.* ON CONFLICT (decision_key) DO NOTHING;
    IF FOUND THEN
        UPDATE decision_heads SET seq = d.seq, hash = d.hash WHERE host = d.host AND instance = d.instance;
    END IF;
END
$$;

-- What is reserved was allowed: the order's class and the very body that may be sent, in one transaction with the intent.
CREATE OR REPLACE FUNCTION commit_quoted_intent(i intents, p_quote_at timestamptz, p_price_at timestamptz)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    verdict text := commit_intent(i);
BEGIN
    IF verdict IN ('new', 'same') THEN
        INSERT INTO decision_quotes VALUES (i.client_order_id, p_quote_at, p_price_at) ON CONFLICT DO NOTHING;
    END IF;
    IF verdict = 'new' THEN
        PERFORM add_decision(ROW(i.host, i.instance, NULL, 'intent ' || i.client_order_id, 'risk', i.client_order_id, 'allowed', '',
            left(i.class || ' ' || i.body, 1000), i.created_at, NULL)::decisions);
    END IF;
    RETURN verdict;
END
$$;
