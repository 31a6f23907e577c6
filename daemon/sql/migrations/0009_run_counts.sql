-- compatible-from: 8
-- What else is counted of a run. A table of its own, so that programs of the version before still write whole rows of runs.
CREATE TABLE run_counts (
    run_id text PRIMARY KEY REFERENCES runs,
    orders_planned bigint NOT NULL DEFAULT 0 CHECK (orders_planned >= 0),
    orders_skipped bigint NOT NULL DEFAULT 0 CHECK (orders_skipped >= 0), -- planned and not handed to the broker
    orders_failed bigint NOT NULL DEFAULT 0 CHECK (orders_failed >= 0), -- handed over, refused or ended short of their quantity
    symbols bigint NOT NULL DEFAULT 0 CHECK (symbols >= 0), -- looked at
    successful_symbols bigint NOT NULL DEFAULT 0 CHECK (successful_symbols >= 0) -- of them, with a price
);
SELECT make_lasting('run_counts');
