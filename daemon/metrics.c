// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Samples by metric and label value, written as Prometheus text 0.0.4. Label values are bounded per metric: what comes
// after METRIC_LABELS_MAX of them is counted under "other", so that no peer can grow the table.
#include "daemon/metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commit.h"
#include "lib/base/decimal.h"

#define METRIC_LABELS_MAX 64
#define METRIC_LABEL_MAX 64

enum metric_kind { KIND_COUNTER, KIND_GAUGE, KIND_SUMMARY_MS };

struct metric_def {
    const char *name, *label, *help;
    enum metric_kind kind;
};

static const struct metric_def DEFS[METRIC_COUNT] = {
#define METRIC(symbol, metric_name, metric_kind, metric_label, metric_help)                                            \
    [METRIC_##symbol] = {"paperguard_" metric_name, metric_label, metric_help, KIND_##metric_kind},
#include "daemon/metrics.def"
#undef METRIC
};

struct sample {
    char label[METRIC_LABEL_MAX];
    int64_t value; // SUMMARY_MS: the sum in milliseconds; nanos when decimal
    int64_t count; // SUMMARY_MS only
    bool decimal;
};

struct series {
    struct sample *samples; // in order of first use
    size_t count;
};

struct metrics {
    struct series series[METRIC_COUNT];
};

static void label_of(enum metric metric, const char *label_value, char out[METRIC_LABEL_MAX])
{
    CHECK((unsigned)metric < METRIC_COUNT);
    str_copy_cut(out, METRIC_LABEL_MAX, label_value && DEFS[metric].label[0] ? label_value : "");
}

static struct sample *find(const struct series *s, const char *label)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->samples[i].label, label) == 0)
            return &s->samples[i];
    return NULL;
}

static struct sample *sample_of(struct metrics *m, enum metric metric, const char *label_value)
{
    char label[METRIC_LABEL_MAX];
    label_of(metric, label_value, label);
    struct series *s = &m->series[metric];
    struct sample *found = find(s, label);
    if (found)
        return found;
    if (s->count >= METRIC_LABELS_MAX) {
        str_copy_cut(label, sizeof label, "other");
        found = find(s, label);
        if (found)
            return found;
    }
    s->samples = check_realloc(s->samples, (s->count + 1) * sizeof *s->samples);
    found = &s->samples[s->count++];
    *found = (struct sample){0};
    str_copy_cut(found->label, sizeof found->label, label);
    return found;
}

struct metrics *metrics_new(void)
{
    struct metrics *m = check_alloc(1, sizeof *m);
    // A counter that nobody touched yet is 0, not absent: a rule can only see it rise from something.
    for (int i = 0; i < METRIC_COUNT; i++)
        if (DEFS[i].kind == KIND_COUNTER && !DEFS[i].label[0])
            sample_of(m, (enum metric)i, "");
    metrics_set(m, METRIC_BUILD_INFO, PACKAGE_VERSION "," PAPERGUARD_COMMIT, 1);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (int i = 0; i < METRIC_COUNT; i++)
        free(m->series[i].samples);
    free(m);
}

static int64_t add_cut(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

void metrics_add(struct metrics *m, enum metric metric, const char *label_value, int64_t n)
{
    struct sample *s = sample_of(m, metric, label_value);
    CHECK(!s->decimal && DEFS[metric].kind != KIND_SUMMARY_MS);
    s->value = add_cut(s->value, n);
}

void metrics_set(struct metrics *m, enum metric metric, const char *label_value, int64_t value)
{
    struct sample *s = sample_of(m, metric, label_value);
    CHECK(DEFS[metric].kind != KIND_SUMMARY_MS);
    s->value = value;
    s->decimal = false;
}

void metrics_set_decimal(struct metrics *m, enum metric metric, const char *label_value, int64_t nanos)
{
    struct sample *s = sample_of(m, metric, label_value);
    CHECK(DEFS[metric].kind == KIND_GAUGE);
    s->value = nanos;
    s->decimal = true;
}

void metrics_observe_ms(struct metrics *m, enum metric metric, const char *label_value, int64_t ms)
{
    struct sample *s = sample_of(m, metric, label_value);
    CHECK(DEFS[metric].kind == KIND_SUMMARY_MS);
    s->value = add_cut(s->value, ms < 0 ? 0 : ms);
    s->count = add_cut(s->count, 1);
}

int64_t metrics_value(const struct metrics *m, enum metric metric, const char *label_value)
{
    char label[METRIC_LABEL_MAX];
    label_of(metric, label_value, label);
    const struct sample *s = find(&m->series[metric], label);
    return s ? s->value : 0;
}

// --- text

static void add_escaped(struct text *out, const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (value[i] == '\\' || value[i] == '"')
            text_addc(out, '\\');
        if (value[i] == '\n')
            text_add(out, "\\n");
        else
            text_addc(out, value[i]);
    }
}

// Names and values are parted by commas in the same order: "version,commit" and "0.1.0,abcdef".
static void add_labels(struct text *out, const char *names, const char *values)
{
    if (!names[0])
        return;
    for (const char *sep = "{"; *names; sep = ",") {
        size_t name_len = strcspn(names, ",");
        bool last = names[name_len] == '\0';
        size_t value_len = last ? strlen(values) : strcspn(values, ",");
        text_add(out, sep);
        text_addn(out, names, name_len);
        text_add(out, "=\"");
        add_escaped(out, values, value_len);
        text_addc(out, '"');
        names += name_len + (last ? 0 : 1);
        values += value_len + (values[value_len] == ',' ? 1 : 0);
    }
    text_addc(out, '}');
}

static void add_line(struct text *out, const struct metric_def *d, const char *suffix, const struct sample *s,
                     const char *value)
{
    text_add(out, d->name);
    text_add(out, suffix);
    add_labels(out, d->label, s->label);
    text_addf(out, " %s\n", value);
}

static void add_sample(struct text *out, const struct metric_def *d, const struct sample *s)
{
    char number[DECIMAL_TEXT_MAX];
    if (d->kind == KIND_SUMMARY_MS) {
        int64_t nanos;
        if (!decimal_mul_down(s->value, DECIMAL_ONE / 1000 * DECIMAL_ONE, &nanos))
            nanos = INT64_MAX;
        add_line(out, d, "_sum", s, decimal_format(nanos, number));
        snprintf(number, sizeof number, "%lld", (long long)s->count);
        add_line(out, d, "_count", s, number);
        return;
    }
    if (s->decimal)
        decimal_format(s->value, number);
    else
        snprintf(number, sizeof number, "%lld", (long long)s->value);
    add_line(out, d, "", s, number);
}

static const char *kind_name(enum metric_kind kind)
{
    switch (kind) {
    case KIND_COUNTER:
        return "counter";
    case KIND_GAUGE:
        return "gauge";
    case KIND_SUMMARY_MS:
        return "summary";
    }
    return "untyped";
}

void metrics_write(const struct metrics *m, struct text *out)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct series *s = &m->series[i];
        if (s->count == 0)
            continue;
        text_addf(out, "# HELP %s %s\n# TYPE %s %s\n", DEFS[i].name, DEFS[i].help, DEFS[i].name,
                  kind_name(DEFS[i].kind));
        for (size_t n = 0; n < s->count; n++)
            add_sample(out, &DEFS[i], &s->samples[n]);
    }
}
