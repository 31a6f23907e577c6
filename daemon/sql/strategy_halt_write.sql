SELECT write_halt($1, $2, $3, $4, $5, $6, $7, $8::timestamptz)
