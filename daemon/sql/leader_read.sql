SELECT l.epoch, l.host, l.holder, l.beat, l.released, l.lease_ms, h.state AS halt, h.reason AS halt_reason
    FROM public.leaders l LEFT JOIN public.halt_state h ON h.host = l.host AND h.instance = $2 WHERE l.account_number = $1
