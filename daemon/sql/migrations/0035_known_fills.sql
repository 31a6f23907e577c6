-- compatible-from: 22
-- Fills are read again and again: those that are recorded word for word are passed over in one look, and nobody is waited for.
CREATE FUNCTION fills_not_known(p_account text, p_mark timestamptz, p_fills jsonb)
RETURNS TABLE (id text, order_id text, symbol text, side text, partial boolean, qty numeric, price numeric, cum_qty numeric,
    leaves_qty numeric, transaction_time timestamptz) LANGUAGE sql STABLE AS $$
    SELECT x.* FROM jsonb_to_recordset(p_fills) AS x (id text, order_id text, symbol text, side text, partial boolean, qty numeric,
        price numeric, cum_qty numeric, leaves_qty numeric, transaction_time timestamptz)
    WHERE (p_mark IS NULL OR x.transaction_time > p_mark) -- earlier ones are part of the opening
        AND NOT EXISTS (SELECT FROM fills o WHERE o.activity_id = x.id AND
            (o.account_number, o.order_id, o.symbol, o.side, o.partial, o.qty, o.price, o.cum_qty, o.leaves_qty, o.transaction_time)
            IS NOT DISTINCT FROM
            (p_account, x.order_id, x.symbol, x.side, x.partial, x.qty, x.price, x.cum_qty, x.leaves_qty, x.transaction_time))
$$;

CREATE OR REPLACE FUNCTION record_fills(p_account text, p_now timestamptz, p_fills jsonb, OUT recorded bigint, OUT differing text)
LANGUAGE plpgsql AS $$
DECLARE
    mark timestamptz;
    f fills;
    old fills;
BEGIN
    recorded := 0;
    SELECT watermark_at INTO mark FROM openings WHERE account_number = p_account;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'PG005', MESSAGE = format(
            'account %s has no opening entry: accept the opening first (paperguard opening accept)', p_account);
    END IF;
    -- What was recorded stays: nobody is waited for where all of it was.
    IF NOT EXISTS (SELECT FROM fills_not_known(p_account, mark, p_fills)) THEN
        RETURN;
    END IF;
    PERFORM 1 FROM accounts WHERE account_number = p_account FOR NO KEY UPDATE;
    FOR f IN SELECT x.id, p_account, x.order_id, NULL, x.symbol, x.side, x.partial, x.qty, x.price, x.cum_qty, x.leaves_qty,
            x.qty * x.price, round(x.qty * x.price, 2), x.transaction_time, p_now
        FROM fills_not_known(p_account, mark, p_fills) x LOOP
        SELECT * INTO old FROM fills WHERE activity_id = f.activity_id;
        IF FOUND THEN
            f.recorded_at := old.recorded_at;
            f.client_order_id := old.client_order_id;
            IF f IS DISTINCT FROM old THEN
                differing := concat_ws(' ', differing, f.activity_id);
            END IF;
            CONTINUE;
        END IF;
        f.client_order_id := order_of_fill(f);
        INSERT INTO fills SELECT f.*;
        PERFORM post_fill(f);
        recorded := recorded + 1;
    END LOOP;
END
$$;
