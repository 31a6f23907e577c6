// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The slots to come, in New York's time and in UTC, with what is unusual about their days.
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "lib/io/clock.h"

static void join(const struct json_node *names, const char *between, struct text *out)
{
    for (size_t i = 0; i < json_size(names); i++)
        text_addf(out, "%s%s", i ? between : "", ctl_text(json_at(names, i), ""));
}

static void until(const char *utc, char *out, size_t size)
{
    int64_t at, s;
    out[0] = '\0';
    if (!when_parse(utc, &at))
        return;
    s = (at - clock_wall_ns()) / NS_PER_S;
    s = s > 0 ? s : 0;
    if (s >= 86400)
        snprintf(out, size, "%lldd %lldh", (long long)(s / 86400), (long long)(s % 86400 / 3600));
    else if (s >= 3600)
        snprintf(out, size, "%lldh %lldm", (long long)(s / 3600), (long long)(s % 3600 / 60));
    else
        snprintf(out, size, "%lldm %llds", (long long)(s / 60), (long long)(s % 60));
}

// "Fri 2026-11-27 12:30:00", New York's.
static void new_york(const char *local, char *out, size_t size)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    struct day day;
    char date[12];
    snprintf(date, sizeof date, "%.10s", local);
    snprintf(out, size, "%s %s %.8s", day_parse(date, &day) ? days[day_weekday(day)] : "", date,
             strlen(local) > 11 ? local + 11 : "");
}

static void put_row(struct json_out *o, const struct json_node *slot)
{
    struct text names, note;
    char in[40], ny[40], utc[24];
    text_init(&names, 1000);
    text_init(&note, 1000);
    join(ctl_at(slot, "strategies"), " ", &names);
    if (ctl_is(slot, "repeats", "yes"))
        text_addf(&note, "and on, %s, to the close", ctl_text(slot, "label"));
    if (ctl_is(slot, "early_close", "yes"))
        text_addf(&note, "%searly close", note.len ? ", " : "");
    if (json_size(ctl_at(slot, "paused"))) {
        text_addf(&note, "%spaused: ", note.len ? ", " : "");
        join(ctl_at(slot, "paused"), " ", &note);
    }
    until(ctl_text(slot, "at"), in, sizeof in);
    new_york(ctl_text(slot, "at_new_york"), ny, sizeof ny);
    snprintf(utc, sizeof utc, "%.19sZ", ctl_text(slot, "at"));
    json_object_begin(o);
    json_put_string(o, "ny", ny);
    json_put_string(o, "utc", utc);
    json_put_string(o, "in", in);
    json_put_string(o, "label", ctl_text(slot, "label"));
    json_put_string(o, "names", text_str(&names));
    json_put_string(o, "note", text_str(&note));
    json_object_end(o);
    text_free(&names);
    text_free(&note);
}

static void show_slots(const struct ctl *c, const struct json_node *slots)
{
    static const struct ctl_column columns[] = {
        {"NEW YORK", "ny", CTL_RIGHT}, {"UTC", "utc", CTL_RIGHT},  {"IN", "in", CTL_RIGHT},
        {"SLOT", "label", 0},          {"STRATEGIES", "names", 0}, {"NOTE", "note", CTL_MAY_GO},
    };
    struct text t;
    struct json_out o;
    struct json_doc *doc;
    text_init(&t, 1u << 22);
    json_out_init(&o, &t);
    json_array_begin(&o);
    for (size_t i = 0; i < json_size(slots); i++)
        put_row(&o, json_at(slots, i));
    json_array_end(&o);
    if (json_doc_parse(text_str(&t), t.len, &doc, NULL) == 0) {
        ctl_table(c, json_doc_root(doc), columns, ARRAY_LEN(columns));
        json_doc_free(doc);
    }
    text_free(&t);
}

static void show_days(const struct json_node *root)
{
    const struct json_node *rows = ctl_at(root, "early_closes");
    const char *doubt = ctl_text(root, "calendar_doubt");
    const char *kept = ctl_text(root, "calendar_kept_from");
    char ny[40];
    if (kept[0])
        ctl_line("calendar", "as the broker told it %.19sZ; it has not told it since the daemon's start", kept);
    if (doubt[0])
        ctl_line("in doubt", "%s: nothing starts in that session (paperguard explain calendar)", doubt);
    for (size_t i = 0; i < json_size(rows); i++) {
        new_york(ctl_text(json_at(rows, i), "close_new_york"), ny, sizeof ny);
        ctl_line("half-day", "%s: the exchange closes early, at %s New York", ctl_text(json_at(rows, i), "session"),
                 strlen(ny) > 15 ? ny + 15 : ny);
    }
    rows = ctl_at(root, "closed_weekdays");
    for (size_t i = 0; i < json_size(rows); i++)
        ctl_line("closed", "%s: a weekday without a session", ctl_text(json_at(rows, i), ""));
    rows = ctl_at(root, "clock_changes");
    for (size_t i = 0; i < json_size(rows); i++)
        ctl_line("clock", "%s: %s in New York (UTC%s, before UTC%s); slots keep New York's time",
                 ctl_text(json_at(rows, i), "date"), ctl_text(json_at(rows, i), "what"),
                 ctl_text(json_at(rows, i), "after"), ctl_text(json_at(rows, i), "before"));
}

int ctl_next(struct ctl *c)
{
    struct ctl_answer a;
    char path[64];
    snprintf(path, sizeof path, "/admin/next?days=%lld", (long long)(c->options.days ? c->options.days : 7));
    int code = ctl_ask(c, "GET", path, NULL, &a);
    if (code != EX_OK)
        return code;
    const struct json_node *root = ctl_root(&a), *slots = ctl_at(root, "slots");
    if (!c->options.json) {
        if (json_size(slots))
            show_slots(c, slots);
        else
            printf("no slot within %s days\n", ctl_text(root, "days"));
        show_days(root);
        if (c->options.days > 7)
            ctl_line("calendar", "known until %s", ctl_text(root, "calendar_until"));
    }
    ctl_answer_free(&a);
    return EX_OK;
}
