// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Values on their way into statements and out of rows, as text. Decimals keep their nine places; times are UTC with a
// Z, cut to the microseconds that Postgres keeps, so that what is read back compares equal to what was written.
#include <stdio.h>
#include <string.h>

#include "daemon/ledger_internal.h"
#include "lib/base/json_write.h"

static char *slot(struct ledger_values *v)
{
    CHECK(v->count < PG_PARAMS_MAX);
    char *text = v->texts[v->count];
    v->values[v->count++] = text;
    return text;
}

void ledger_put(struct ledger_values *v, const char *s)
{
    CHECK(v->count < PG_PARAMS_MAX);
    v->values[v->count++] = s;
}

void ledger_put_unless_empty(struct ledger_values *v, const char *s)
{
    ledger_put(v, s && s[0] ? s : NULL);
}

void ledger_put_int(struct ledger_values *v, int64_t n)
{
    snprintf(slot(v), LEDGER_VALUE_MAX, "%lld", (long long)n);
}

void ledger_put_bool(struct ledger_values *v, bool b)
{
    ledger_put(v, b ? "true" : "false");
}

void ledger_put_decimal(struct ledger_values *v, int64_t nanos)
{
    decimal_format(nanos, slot(v));
}

void ledger_put_positive(struct ledger_values *v, int64_t nanos)
{
    if (nanos == 0)
        ledger_put(v, NULL);
    else
        ledger_put_decimal(v, nanos);
}

const char *ledger_when(int64_t ns, char buf[WHEN_TEXT_MAX])
{
    return when_format(ns / 1000 * 1000, buf);
}

void ledger_put_when(struct ledger_values *v, int64_t ns)
{
    if (ns == 0)
        ledger_put(v, NULL);
    else
        ledger_when(ns, slot(v));
}

void ledger_put_day(struct ledger_values *v, struct day d)
{
    day_format(d, slot(v));
}

void ledger_holdings_write(struct text *out, const struct alpaca_position *positions, size_t count)
{
    struct json_out o;
    json_out_init(&o, out);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&o);
        json_put_string(&o, "symbol", positions[i].symbol);
        json_put_decimal(&o, "qty", positions[i].qty.nanos);
        json_put_decimal(&o, "cost", positions[i].cost_basis.nanos);
        json_object_end(&o);
    }
    json_array_end(&o);
}

const char *ledger_get(struct ledger_row *r, const char *column)
{
    const char *s = r->row < pg_rows(r->result) ? pg_named(r->result, r->row, column) : NULL;
    return s ? s : "";
}

void ledger_get_text(struct ledger_row *r, const char *column, char *out, size_t size)
{
    if (!str_copy(out, size, ledger_get(r, column)))
        r->bad = true;
}

int64_t ledger_get_int(struct ledger_row *r, const char *column)
{
    const char *s = ledger_get(r, column);
    int64_t n = 0;
    if (s[0] && !str_int64(s, INT64_MIN, INT64_MAX, &n))
        r->bad = true;
    return n;
}

int64_t ledger_get_decimal(struct ledger_row *r, const char *column)
{
    const char *s = ledger_get(r, column);
    int64_t nanos = 0;
    if (s[0] && decimal_parse(s, strlen(s), DECIMAL_EXACT, &nanos) != DECIMAL_OK)
        r->bad = true;
    return nanos;
}

int64_t ledger_get_when(struct ledger_row *r, const char *column)
{
    const char *s = ledger_get(r, column);
    int64_t ns = 0;
    if (s[0] && !when_parse(s, &ns))
        r->bad = true;
    return ns;
}

struct day ledger_get_day(struct ledger_row *r, const char *column)
{
    struct day d = {0};
    if (!day_parse(ledger_get(r, column), &d))
        r->bad = true;
    return d;
}

bool ledger_get_bool(struct ledger_row *r, const char *column)
{
    return str_equal(ledger_get(r, column), "t");
}

void ledger_values_digest(const struct ledger_values *v, char hex[DIGEST_HEX_MAX])
{
    struct digest_state *s = digest_new();
    for (size_t i = 0; i < v->count; i++)
        digest_add_field(s, v->values[i]);
    struct digest d = digest_finish(s);
    digest_hex(&d, hex);
}
