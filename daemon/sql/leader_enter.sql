INSERT INTO public.leaders VALUES ($1, 0, '', '', 0, true, $2::bigint) ON CONFLICT DO NOTHING
