UPDATE public.leaders SET epoch = epoch + 1, host = $4, holder = $5, beat = 0, released = false, lease_ms = $6::bigint
    WHERE account_number = $1 AND epoch = $2::bigint AND beat = $3::bigint
