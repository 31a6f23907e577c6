-- compatible-from: 22
-- Self-tests: every row of guard and risk fired through a desk and a guard that lead nowhere, and a good order that passes.
CREATE TABLE self_tests (
    test_key text PRIMARY KEY,
    host text NOT NULL,
    instance text NOT NULL,
    cause text NOT NULL CHECK (cause IN ('start', 'reload', 'daily', 'operator')),
    passed boolean NOT NULL,
    rows_fired int NOT NULL CHECK (rows_fired > 0),
    rows_failed int NOT NULL CHECK (rows_failed >= 0 AND passed = (rows_failed = 0)),
    took_us bigint NOT NULL CHECK (took_us >= 0),
    detail text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX self_tests_by_time ON self_tests (instance, at);
SELECT make_append_only('self_tests');
