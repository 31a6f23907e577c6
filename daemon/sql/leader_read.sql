SELECT epoch, host, holder, beat, released, lease_ms FROM public.leaders WHERE account_number = $1
