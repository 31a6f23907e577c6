SELECT ledger_mark($1, $2) AS mark
