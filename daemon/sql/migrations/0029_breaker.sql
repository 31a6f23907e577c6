-- compatible-from: 22
-- What the circuit breaker measures losses from: the equity that the session began with, and the highest since the last release.
CREATE TABLE breaker_marks (
    account_number text PRIMARY KEY REFERENCES accounts,
    session date NOT NULL,
    day_start numeric(20, 9) NOT NULL CHECK (day_start > 0),
    high_water numeric(20, 9) NOT NULL CHECK (high_water > 0),
    at timestamptz NOT NULL
) WITH (fillfactor = 50);
SELECT make_lasting('breaker_marks');

-- Limits that an operator raised for a time; of one limit the newest row holds, until its end.
CREATE TABLE limit_raises (
    raise_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_number text NOT NULL REFERENCES accounts,
    name text NOT NULL CHECK (name <> ''),
    value numeric(20, 9) NOT NULL CHECK (value >= 0),
    until timestamptz NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    operator text NOT NULL CHECK (operator <> ''),
    at timestamptz NOT NULL CHECK (at <= until)
);
CREATE INDEX limit_raises_newest ON limit_raises (account_number, name, raise_id DESC);
SELECT make_append_only('limit_raises');
