// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Metrics: one table (metrics.def) of names, help and label; counters and gauges in memory, Prometheus text on demand.
#ifndef PAPERGUARD_DAEMON_METRICS_H
#define PAPERGUARD_DAEMON_METRICS_H

#include <stdint.h>

#include "lib/base/text.h"

//   METRIC(symbol, name without prefix, COUNTER|GAUGE, label name or "", help)
enum metric {
#define METRIC(symbol, name, kind, label, help) METRIC_##symbol,
#include "daemon/metrics.def"
#undef METRIC
    METRIC_COUNT
};

struct metrics;
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
void metrics_add(struct metrics *m, enum metric metric, const char *label_value,
                 int64_t n); // label "" when it has none
void metrics_set(struct metrics *m, enum metric metric, const char *label_value, int64_t value);
void metrics_set_decimal(struct metrics *m, enum metric metric, const char *label_value, int64_t nanos);
void metrics_observe_ms(struct metrics *m, enum metric metric, const char *label_value, int64_t ms); // sum and count
int64_t metrics_value(const struct metrics *m, enum metric metric, const char *label_value);
void metrics_write(const struct metrics *m, struct text *out);

#endif
