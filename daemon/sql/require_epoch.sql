SELECT require_epoch($1, $2::bigint)
