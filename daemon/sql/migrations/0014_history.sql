-- compatible-from: 12
-- History by symbol, newest first.
CREATE INDEX intents_by_symbol ON intents (account_number, symbol, created_at);
CREATE INDEX fills_by_symbol ON fills (account_number, symbol, transaction_time);
