-- compatible-from: 33
-- Where heads of the chain of decisions were stored outside of this database, once a day each; and the one way in which decisions
-- are removed: oldest first, behind a checkpoint, which is a decision itself.
CREATE TABLE stored_heads (
    store_key text NOT NULL UNIQUE,
    host text NOT NULL,
    instance text NOT NULL,
    day date NOT NULL,
    place text NOT NULL CHECK (place IN ('file', 'webhook')),
    seq bigint NOT NULL CHECK (seq > 0),
    hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    at timestamptz NOT NULL,
    PRIMARY KEY (host, instance, day, place)
);
SELECT make_append_only('stored_heads');

ALTER TABLE decision_heads ADD COLUMN removed_to bigint NOT NULL DEFAULT 0 CHECK (removed_to >= 0 AND removed_to <= seq);

-- A decision goes only when a checkpoint stands for it.
CREATE FUNCTION refuse_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.seq <= (SELECT removed_to FROM decision_heads WHERE host = OLD.host AND instance = OLD.instance) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'PG001',
        MESSAGE = format('table %s keeps what it holds: %s is refused; only forget_decisions removes', TG_TABLE_NAME, TG_OP);
END
$$;
DROP TRIGGER only_grows ON decisions;
CREATE TRIGGER only_grows BEFORE UPDATE ON decisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stays BEFORE DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION refuse_forgetting();

-- Of a chain's oldest p_most rows those before the first that is not older than p_before, never the newest of all. How many went.
CREATE FUNCTION forget_decisions(p_host text, p_instance text, p_before timestamptz, p_most bigint, p_key text, p_at timestamptz)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head decision_heads;
    through bigint;
    last_hash text;
    gone bigint;
BEGIN
    SELECT * INTO head FROM decision_heads WHERE host = p_host AND instance = p_instance FOR UPDATE;
    SELECT max(seq) INTO through FROM (
        SELECT x.seq, bool_and(x.at < p_before) OVER (ORDER BY x.seq) AS old FROM (
            SELECT d.seq, d.at FROM decisions d WHERE d.host = p_host AND d.instance = p_instance AND d.seq < head.seq
            ORDER BY d.seq LIMIT p_most) x) y WHERE y.old;
    IF through IS NULL THEN
        RETURN 0;
    END IF;
    SELECT hash INTO STRICT last_hash FROM decisions WHERE host = p_host AND instance = p_instance AND seq = through;
    UPDATE decision_heads SET removed_to = through WHERE host = p_host AND instance = p_instance;
    DELETE FROM decisions WHERE host = p_host AND instance = p_instance AND seq <= through;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM add_decision(ROW(p_host, p_instance, NULL, p_key, 'audit', through::text, 'checkpoint', last_hash,
        format('%s decisions from before %s were removed, up to row %s, whose hash is the rule', gone, utc(p_before), through), p_at,
        NULL)::decisions);
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION forget_decisions(text, text, timestamptz, bigint, text, timestamptz) FROM PUBLIC;
