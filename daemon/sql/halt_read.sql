SELECT state, reason FROM halt_state WHERE host = $1 AND instance = $2
