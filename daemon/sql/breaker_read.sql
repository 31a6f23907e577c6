SELECT session, day_start, high_water FROM breaker_marks WHERE account_number = $1
