UPDATE public.leaders SET released = true WHERE account_number = $1 AND epoch = $2::bigint AND holder = $3
