UPDATE public.leaders SET beat = beat + 1 WHERE account_number = $1 AND epoch = $2::bigint AND holder = $3 AND NOT released
