-- compatible-from: 4
-- Fills, and the entries that post them to books and cash. An entry's postings sum to zero; books and cash are kept by a
-- trigger on the postings, so they are the postings' sums whoever writes.
CREATE TABLE fills (
    activity_id text PRIMARY KEY CHECK (activity_id <> ''),
    account_number text NOT NULL REFERENCES accounts,
    order_id text NOT NULL CHECK (order_id <> ''),
    client_order_id text REFERENCES intents, -- NULL: not an order of ours
    symbol text NOT NULL CHECK (symbol <> ''),
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    partial boolean NOT NULL,
    qty numeric(20, 9) NOT NULL CHECK (qty > 0),
    price numeric(20, 9) NOT NULL CHECK (price >= 0),
    cum_qty numeric(20, 9) NOT NULL CHECK (cum_qty >= 0),
    leaves_qty numeric(20, 9) NOT NULL CHECK (leaves_qty >= 0),
    exact_amount numeric(38, 18) NOT NULL CHECK (exact_amount = qty * price),
    cents numeric(20, 2) NOT NULL CHECK (cents = round(exact_amount, 2)), -- what the broker books: it rounds per fill
    transaction_time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX fills_by_order ON fills (order_id);
CREATE FUNCTION count_fill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders SET recorded_qty = recorded_qty + NEW.qty WHERE client_order_id = NEW.client_order_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_fill AFTER INSERT ON fills FOR EACH ROW EXECUTE FUNCTION count_fill();
CREATE INDEX fills_by_client_order ON fills (client_order_id);
CREATE INDEX fills_by_time ON fills (account_number, transaction_time);

CREATE TABLE entries (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_number text NOT NULL REFERENCES accounts,
    kind text NOT NULL CHECK (kind IN ('opening', 'fill', 'transfer', 'corporate_action', 'fee', 'cash', 'correction')),
    at timestamptz NOT NULL,
    activity_id text REFERENCES fills,
    run_id text,
    line integer,
    detail text NOT NULL DEFAULT '',
    CHECK ((kind = 'fill') = (activity_id IS NOT NULL)),
    CHECK ((kind = 'transfer') = (run_id IS NOT NULL)),
    UNIQUE (activity_id),
    UNIQUE (run_id, line),
    FOREIGN KEY (run_id, line) REFERENCES book_transfers
);
CREATE UNIQUE INDEX entries_one_opening ON entries (account_number) WHERE kind = 'opening';

-- part says which sum a line belongs to: shares in a book, the account's cash, or where the other side of it came from.
CREATE TABLE postings (
    entry_id bigint NOT NULL REFERENCES entries,
    line integer NOT NULL CHECK (line > 0),
    account_number text NOT NULL REFERENCES accounts,
    part text NOT NULL CHECK (part IN ('position', 'cash', 'rounding', 'equity', 'fees')),
    book text NOT NULL,
    symbol text NOT NULL CHECK (symbol <> ''),
    qty numeric(20, 9) NOT NULL,
    amount numeric(20, 9) NOT NULL,
    PRIMARY KEY (entry_id, line),
    CHECK ((part = 'position') = (book <> '')),
    CHECK (part = 'position' OR (symbol = 'USD' AND qty = 0))
);
CREATE INDEX postings_by_book ON postings (account_number, book, symbol);

CREATE TABLE openings (
    account_number text PRIMARY KEY REFERENCES accounts,
    entry_id bigint NOT NULL REFERENCES entries,
    watermark_at timestamptz, -- newest broker fill that is part of it, NULL none
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    at timestamptz NOT NULL
);

-- Sums, kept by the trigger below. cost is the average cost of what is held.
CREATE TABLE books (
    account_number text NOT NULL REFERENCES accounts,
    book text NOT NULL CHECK (book <> ''),
    symbol text NOT NULL CHECK (symbol <> ''),
    qty numeric(20, 9) NOT NULL,
    cost numeric(20, 9) NOT NULL,
    PRIMARY KEY (account_number, book, symbol),
    CHECK (qty <> 0 OR cost = 0)
);
CREATE TABLE cash_balances (
    account_number text PRIMARY KEY REFERENCES accounts,
    cash numeric(20, 9) NOT NULL,
    fills bigint NOT NULL DEFAULT 0 -- posted so far: each may be rounded by up to a cent
);

SELECT make_append_only(t) FROM unnest(ARRAY['fills', 'entries', 'postings', 'openings']) t;
SELECT make_lasting(t) FROM unnest(ARRAY['books', 'cash_balances']) t;

-- What a holding costs after a change: growing adds the change's value, shrinking keeps the average, crossing zero starts
-- anew at the change's price.
CREATE FUNCTION cost_after(qty numeric, cost numeric, change numeric, amount numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN qty + change = 0 THEN 0
                WHEN sign(qty) * sign(change) >= 0 THEN cost + amount
                WHEN sign(qty + change) = sign(qty) THEN round(cost * (qty + change) / qty, 9)
                ELSE round(amount * (qty + change) / change, 9) END
$$;

CREATE FUNCTION post_to_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.part = 'cash' THEN
        INSERT INTO cash_balances (account_number, cash) VALUES (NEW.account_number, NEW.amount)
        ON CONFLICT (account_number) DO UPDATE SET cash = cash_balances.cash + EXCLUDED.cash;
    ELSIF NEW.part = 'position' THEN
        INSERT INTO books VALUES (NEW.account_number, NEW.book, NEW.symbol, NEW.qty,
                                  CASE WHEN NEW.qty = 0 THEN 0 ELSE NEW.amount END)
        ON CONFLICT (account_number, book, symbol) DO UPDATE SET qty = books.qty + NEW.qty,
            cost = cost_after(books.qty, books.cost, NEW.qty, NEW.amount);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER post_to_sums AFTER INSERT ON postings FOR EACH ROW EXECUTE FUNCTION post_to_sums();

-- At commit: every entry balances, and a fill's lines are the fill.
CREATE FUNCTION check_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    e entries;
    f fills;
    off numeric;
    shares numeric;
    cash numeric;
    odd bigint;
BEGIN
    SELECT * INTO STRICT e FROM entries WHERE entry_id = NEW.entry_id;
    SELECT coalesce(sum(p.amount), 0), coalesce(sum(p.qty), 0), coalesce(sum(p.amount) FILTER (WHERE p.part = 'cash'), 0),
        count(*) FILTER (WHERE p.account_number <> e.account_number)
        INTO off, shares, cash, odd FROM postings p WHERE p.entry_id = e.entry_id;
    IF off <> 0 OR odd <> 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'PG004', MESSAGE = format('entry %s (%s) is off by %s', e.entry_id, e.kind, plain(off));
    ELSIF e.kind = 'transfer' AND (shares <> 0 OR cash <> 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'PG004', MESSAGE = format('transfer %s changes what the account holds', e.entry_id);
    ELSIF e.kind = 'fill' THEN
        SELECT * INTO STRICT f FROM fills WHERE activity_id = e.activity_id;
        IF shares <> (CASE f.side WHEN 'buy' THEN f.qty ELSE -f.qty END)
            OR cash <> (CASE f.side WHEN 'buy' THEN -f.cents ELSE f.cents END) THEN
            RAISE EXCEPTION USING ERRCODE = 'PG004', MESSAGE = format('entry %s is not fill %s', e.entry_id, f.activity_id);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_entry();
CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON postings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_entry();
