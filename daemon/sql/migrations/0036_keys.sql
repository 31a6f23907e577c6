-- compatible-from: 22
-- Keys by the fingerprint of their id, and when one was first seen by any host: how old a key is.
CREATE TABLE key_fingerprints (
    fingerprint text PRIMARY KEY CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    account_number text NOT NULL REFERENCES accounts,
    shown text NOT NULL CHECK (length(shown) <= 8),
    host text NOT NULL,
    instance text NOT NULL,
    first_seen timestamptz NOT NULL
);
SELECT make_append_only('key_fingerprints');
