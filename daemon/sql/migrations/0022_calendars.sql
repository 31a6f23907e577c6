-- compatible-from: 21
-- What the broker told of the exchange's sessions, whenever that differed from before: the newest row of an account is what is known
-- while the broker is away.
CREATE TABLE broker_calendars (
    calendar_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_number text NOT NULL REFERENCES accounts,
    read_at timestamptz NOT NULL,
    days text NOT NULL CHECK (days <> '') -- 2026-10-08=09:30-16:00, space separated
);
CREATE INDEX broker_calendars_newest ON broker_calendars (account_number, calendar_id DESC);
SELECT make_append_only('broker_calendars');
