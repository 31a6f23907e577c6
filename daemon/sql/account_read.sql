SELECT account_number FROM instances WHERE instance = $1
