// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Account activities: fills and what moved cash or shares without a trade, in one order of time.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define PAGE_MAX 100
#define DAY_NS (86400 * NS_PER_S)

struct activity_filter {
    bool has_after, has_until, has_date, ascending;
    int64_t after, until, date, page_size;
    const char *types; // csv, NULL = all
    bool fills, others;
};
struct activity { // one of both
    int64_t at;
    const struct exchange_fill *fill;
    const struct exchange_nta *nta;
};

// The i-th of all, oldest first. Both lists are in order; the search for the border is by bisection.
static struct activity activity_at(const struct exchange *e, size_t i)
{
    size_t fills = exchange_fill_count(e), ntas = exchange_nta_count(e);
    size_t low = i > ntas ? i - ntas : 0, high = i < fills ? i : fills; // fills among the first i
    while (low < high) {
        size_t mid = (low + high) / 2; // is the mid-th fill among the first i?
        if (exchange_fill_at(e, mid)->at <= exchange_nta_at(e, i - 1 - mid)->at)
            low = mid + 1;
        else
            high = mid;
    }
    const struct exchange_fill *fill = low < fills ? exchange_fill_at(e, low) : NULL;
    const struct exchange_nta *nta = i - low < ntas ? exchange_nta_at(e, i - low) : NULL;
    bool take_fill = fill != NULL && (nta == NULL || fill->at <= nta->at);
    if (take_fill || nta == NULL)
        return (struct activity){fill != NULL ? fill->at : 0, fill, NULL};
    return (struct activity){nta->at, NULL, nta};
}

// TRANS and MISC stand for several types.
static bool type_asked(const char *types, const char *type)
{
    bool trans = strcmp(type, "CSD") == 0 || strcmp(type, "CSW") == 0;
    bool misc = !trans && !str_starts(type, "DIV") && strcmp(type, "FILL") != 0;
    return types == NULL || sim_csv_has(types, type) || (trans && sim_csv_has(types, "TRANS")) ||
           (misc && sim_csv_has(types, "MISC"));
}

static bool activity_passes(const struct activity_filter *f, const struct activity *a)
{
    int64_t at = a->at;
    if (a->nta == NULL ? !f->fills : !f->others)
        return false;
    if ((f->has_after && at <= f->after) || (f->has_until && at >= f->until) ||
        (f->has_date && (at < f->date || at >= f->date + DAY_NS)))
        return false;
    return type_asked(f->types, a->nta == NULL ? "FILL" : a->nta->type);
}

static bool read_activity_filter(struct sim_call *c, struct activity_filter *f)
{
    char text[SIM_TEXT_MAX];
    f->page_size = PAGE_MAX;
    f->ascending = sim_param(c, "direction", text) && strcmp(text, "asc") == 0;
    if (!sim_int_param(c, "page_size", 1, PAGE_MAX, &f->page_size) ||
        !sim_when_param(c, "after", &f->has_after, &f->after) ||
        !sim_when_param(c, "until", &f->has_until, &f->until) || !sim_when_param(c, "date", &f->has_date, &f->date))
        return false;
    f->date -= f->date % DAY_NS;
    return true;
}

// Place of an activity among all of them, or their number when it is unknown.
static size_t place_of(const struct exchange *e, const char *id)
{
    size_t fills = exchange_fill_count(e), ntas = exchange_nta_count(e), fill = exchange_fill_find(e, id), i = 0;
    if (fill < fills) {
        while (i < ntas && exchange_nta_at(e, i)->at < exchange_fill_at(e, fill)->at)
            i++;
        return fill + i;
    }
    while (i < ntas && strcmp(exchange_nta_at(e, i)->id, id) != 0)
        i++;
    if (i == ntas)
        return fills + ntas;
    for (fill = 0; fill < fills && exchange_fill_at(e, fill)->at <= exchange_nta_at(e, i)->at;)
        fill++;
    return fill + i;
}

static void list_activities(struct sim_call *c, struct activity_filter *f)
{
    char token[SIM_TEXT_MAX];
    const struct exchange *e = c->sim->exchange;
    size_t count = exchange_fill_count(e) + exchange_nta_count(e), at = 0;
    if (!read_activity_filter(c, f))
        return;
    if (sim_param(c, "page_token", token)) {
        size_t last = place_of(e, token);
        if (last == count) {
            sim_refuse(c, 422, 40010001, "invalid page_token: %.96s", token);
            return;
        }
        at = f->ascending ? last + 1 : count - last;
    }
    json_array_begin(&c->out);
    for (int64_t listed = 0; at < count && listed < f->page_size; at++) {
        struct activity a = activity_at(e, f->ascending ? at : count - 1 - at);
        if (!activity_passes(f, &a) || (a.fill != NULL && !sim_fill_shown(c->sim, a.fill, c->now)))
            continue;
        if (a.nta != NULL)
            sim_json_nta(&c->out, a.nta);
        else
            sim_json_fill(&c->out, e, a.fill);
        listed++;
    }
    json_array_end(&c->out);
}

static const char known_types[] = "FILL,TRANS,MISC,ACATC,ACATS,CFEE,CGD,CSD,CSW,DIV,DIVCGL,DIVCGS,DIVFEE,DIVFT,DIVNRA,"
                                  "DIVROC,DIVTW,DIVTXEX,FEE,INT,INTNRA,INTTW,JNL,JNLC,JNLS,MA,NC,OPASN,OPCA,OPCSH,"
                                  "OPEXC,OPEXP,OPTRD,PTC,PTR,REORG,SPIN,SPLIT,FOPT";

// Answers 422 and returns false when one of them does not exist.
static bool types_known(struct sim_call *c, const char *csv)
{
    char type[SIM_TEXT_MAX];
    for (const char *at = csv;; at++) {
        size_t len = strcspn(at, ",");
        memcpy(type, at, len);
        type[len] = '\0';
        if (!sim_csv_has(known_types, type)) {
            sim_refuse(c, 422, 40010001, "invalid activity type: %.64s", type);
            return false;
        }
        at += len;
        if (*at == '\0')
            return true;
    }
}

void sim_activities(struct sim_call *c)
{
    char types[SIM_TEXT_MAX], category[SIM_TEXT_MAX] = "";
    struct activity_filter f = {.fills = true, .others = true};
    if (sim_param(c, "activity_types", types))
        f.types = types;
    if (sim_param(c, "category", category)) {
        f.fills = strcmp(category, "trade_activity") == 0;
        f.others = strcmp(category, "non_trade_activity") == 0;
    }
    if (f.types != NULL && *category != '\0')
        sim_refuse(c, 422, 40010001, "only one of activity_types or category is accepted");
    else if (!f.fills && !f.others)
        sim_refuse(c, 422, 40010001, "invalid category: %.32s", category);
    else if (f.types == NULL || types_known(c, types))
        list_activities(c, &f);
}

void sim_activities_of_type(struct sim_call *c)
{
    struct activity_filter f = {.fills = true, .others = true, .types = c->part};
    if (types_known(c, c->part))
        list_activities(c, &f);
}
