// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// fixed-weights: holds the weights it is given, {"weights":{"SPY":"0.4","TLT":"0.3"}}; what is not named is not held.
// When to trade back to them is the daemon's decision (the strategy's band and minimum trade).
#include "daemon/strategies/strategy.h"

#include <string.h>

static int read_weight(const char *symbol, const struct json_node *n, struct ratio *out, struct err *err)
{
    const char *s = json_string(n);
    if (!s)
        return err_set(err, "params.weights.%.24s is %s, expected a decimal as a string such as \"0.25\"", symbol,
                       json_type_name(json_type_of(n)));
    enum decimal_result r = decimal_parse(s, strlen(s), DECIMAL_EXACT, &out->nanos);
    if (r != DECIMAL_OK)
        return err_set(err, "params.weights.%.24s is \"%.40s\" (%s), expected a plain decimal such as \"0.25\"", symbol,
                       s, decimal_result_text(r));
    return 0;
}

static int fixed_weights(const struct strategy_input *in, struct strategy_answer *answer, struct err *err)
{
    static const char *const members[] = {"weights"};
    const struct json_node *params = strategy_params(in), *weights = json_get(params, "weights"), *value = NULL;
    const char *symbol = NULL;
    if (json_only(params, "params", members, ARRAY_LEN(members), err))
        return -1;
    if (!weights || json_type_of(weights) != JSON_IS_OBJECT)
        return err_set(err, "params.weights is %s, expected an object such as {\"SPY\":\"0.4\",\"TLT\":\"0.3\"}",
                       weights ? json_type_name(json_type_of(weights)) : "missing");
    // An empty list would sell everything: more likely a forgotten setting than a wish.
    if (json_size(weights) == 0)
        return err_set(err, "params.weights is empty: name at least one symbol (weight \"0\" to be out of it)");
    for (void *cursor = NULL; json_each(weights, &cursor, &symbol, &value);) {
        struct ratio weight;
        if (read_weight(symbol, value, &weight, err) ||
            strategy_target(answer, in, symbol, weight, "fixed weight", err))
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    return strategy_main(argc, argv, "fixed-weights", "1", fixed_weights);
}
