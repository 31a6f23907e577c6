-- compatible-from: 6
-- Decisions and alerts. Decisions are a hash chain per host and instance: none can be changed or taken out unnoticed.
CREATE TABLE decisions (
    host text NOT NULL,
    instance text NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    decision_key text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind <> ''),
    subject text NOT NULL,
    answer text NOT NULL,
    rule text NOT NULL,
    detail text NOT NULL,
    at timestamptz NOT NULL,
    hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (host, instance, seq)
);
CREATE INDEX decisions_by_time ON decisions (instance, at);
CREATE TABLE decision_heads (
    host text NOT NULL,
    instance text NOT NULL,
    seq bigint NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (host, instance)
);
CREATE TABLE alerts (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_key text NOT NULL UNIQUE,
    host text NOT NULL,
    instance text NOT NULL,
    kind text NOT NULL CHECK (kind <> ''),
    subject text NOT NULL,
    detail text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX alerts_by_time ON alerts (instance, at);
SELECT make_append_only(t) FROM unnest(ARRAY['decisions', 'alerts']) t;
SELECT make_lasting('decision_heads');

CREATE FUNCTION decision_hash(before text, d decisions) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(before, d.host, d.instance, d.seq, d.decision_key, d.kind, d.subject,
        d.answer, d.rule, d.detail, utc(d.at))::text, 'UTF8')), 'hex')
$$;

CREATE FUNCTION add_decision(d decisions) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    head decision_heads;
BEGIN
    INSERT INTO decision_heads VALUES (d.host, d.instance, 0, repeat('0', 64)) ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM decision_heads WHERE host = d.host AND instance = d.instance FOR UPDATE;
    PERFORM 1 FROM decisions WHERE decision_key = d.decision_key;
    IF FOUND THEN
        RETURN;
    END IF;
    d.seq := head.seq + 1;
    d.hash := decision_hash(head.hash, d);
    INSERT INTO decisions SELECT d.*;
    UPDATE decision_heads SET seq = d.seq, hash = d.hash WHERE host = d.host AND instance = d.instance;
END
$$;

-- The first decision whose hash is not what its predecessor and its own words make, per chain; no row when all is well.
CREATE VIEW broken_decisions AS
    SELECT host, instance, min(seq) AS seq FROM (
        SELECT d.host, d.instance, d.seq, d.hash IS DISTINCT FROM decision_hash(coalesce(lag(d.hash) OVER w,
            repeat('0', 64)), d) OR d.seq <> row_number() OVER w AS broken
        FROM decisions d WINDOW w AS (PARTITION BY d.host, d.instance ORDER BY d.seq)
    ) chain WHERE broken GROUP BY host, instance
    UNION ALL
    SELECT h.host, h.instance, h.seq FROM decision_heads h LEFT JOIN decisions d USING (host, instance, seq)
        WHERE h.seq > 0 AND d.hash IS DISTINCT FROM h.hash;
