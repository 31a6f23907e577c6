-- compatible-from: 22
-- Up to when everything that the broker lists was read and found in the ledger: a start reads on from there.
CREATE TABLE reconciled (
    account_number text PRIMARY KEY REFERENCES accounts,
    at timestamptz NOT NULL
) WITH (fillfactor = 50);
SELECT make_lasting('reconciled');

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
    PERFORM 1 FROM quarantine q WHERE q.order_id = f.order_id AND q.account_number = f.account_number;
    IF FOUND THEN
        RETURN NULL; -- its client order id is of no intent
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
