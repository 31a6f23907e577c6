SELECT see_account($1, $2, $3, $4::timestamptz) AS account_number
