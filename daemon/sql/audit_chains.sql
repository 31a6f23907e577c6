SELECT c.host, c.instance, json_build_object('host', c.host, 'instance', c.instance, 'seq', h.seq, 'hash', h.hash)::text AS head
FROM (SELECT host, instance FROM public.decision_heads UNION SELECT host, instance FROM public.decisions) c
LEFT JOIN public.decision_heads h USING (host, instance) ORDER BY c.instance, c.host
