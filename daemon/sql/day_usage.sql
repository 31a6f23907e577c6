SELECT count(*) AS orders, plain(coalesce(sum(i.reserved), 0)) AS notional
FROM intents i JOIN orders o USING (client_order_id)
WHERE i.account_number = $1 AND i.session = $2::date AND o.status NOT IN ('denied', 'not_placed')
