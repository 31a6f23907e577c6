-- compatible-from: 20
-- Several hosts on one database: which of them leads an account. Each takeover raises the epoch; whoever writes as the leader names
-- the epoch it leads in, and a takeover waits for such a writer's commit. Hosts' clocks are never compared: a standby watches
-- whether the row moves.
CREATE TABLE leaders (
    account_number text PRIMARY KEY REFERENCES accounts,
    epoch bigint NOT NULL CHECK (epoch >= 0),
    host text NOT NULL,
    holder text NOT NULL, -- the state_dir's identity: the same through restarts
    beat bigint NOT NULL CHECK (beat >= 0),
    released boolean NOT NULL,
    lease_ms bigint NOT NULL CHECK (lease_ms > 0) -- the holder's: whoever waits for it to end goes by it
) WITH (fillfactor = 10);
SELECT make_lasting('leaders');

-- An epoch never comes again: what was allowed in it stays over.
CREATE FUNCTION refuse_older_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'PG001', MESSAGE = format('the epoch of account %s only grows', OLD.account_number);
END
$$;
CREATE TRIGGER epoch_grows BEFORE UPDATE ON leaders FOR EACH ROW
    WHEN (NEW.epoch < OLD.epoch OR NEW.epoch = OLD.epoch AND (NEW.holder <> OLD.holder OR NEW.beat < OLD.beat))
    EXECUTE FUNCTION refuse_older_epoch();

-- Last in each transaction of a leader: its epoch is not over, and will not be before the commit. Shared with nobody but the
-- takeover, and held for the commit alone.
CREATE FUNCTION require_epoch(p_account text, p_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM leaders WHERE account_number = p_account AND epoch = p_epoch FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'PG008',
            MESSAGE = format('epoch %s of account %s is over: another host leads', p_epoch, p_account);
    END IF;
END
$$;
