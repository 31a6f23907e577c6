SELECT h.seq, h.hash, coalesce((SELECT string_agg(s.place, ' ') FROM stored_heads s
        WHERE s.host = $1 AND s.instance = $2 AND s.day = $3::date), '') AS places
FROM decision_heads h WHERE h.host = $1 AND h.instance = $2
