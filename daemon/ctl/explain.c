// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the words mean that refusals, states, alerts, checks and exits are told with. One table (codes.def); the manual
// page has it too. Works without the daemon.
#include <string.h>

#include "daemon/ctl/ctl.h"

static const struct code {
    const char *kind, *code, *meaning, *action;
    const char *message_id; // of a line of the journal; NULL
} CODES[] = {
#define CODE(kind, code, meaning, action) {kind, code, meaning, action, NULL},
#include "daemon/ctl/codes.def"
#undef CODE
#define MESSAGE(symbol, id, name, meaning, action) {"message", name, meaning, action, id},
#include "daemon/messages.def"
#undef MESSAGE
};

static const struct {
    const char *kind, *title;
} KINDS[] = {
    {"exit", "Exit codes"},
    {"answer", "Answers of a check"},
    {"check", "Checks of the guard"},
    {"risk", "Rows of the risk table, which refuse an order"},
    {"breaker", "Rows of the circuit breaker, which halts by itself"},
    {"order", "States of an order, and who refused it"},
    {"http", "Why HTTP took no order or cancel"},
    {"run", "States of a run"},
    {"member", "What became of a strategy in a run"},
    {"alert", "Alerts"},
    {"halt", "States of the halt"},
    {"health", "Health"},
    {"database", "States of the database"},
    {"entry", "Kinds of ledger entries"},
    {"activity", "What became of the broker's activities"},
    {"message", "Lines of the journal with a MESSAGE_ID"},
};

// The first code in a reason that is not a word of everyday use: "guard: account_age UNKNOWN: ..." is account_age.
const char *ctl_code_in(const char *reason)
{
    for (const char *p = reason; *p;) {
        size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
        for (size_t i = 0; len && memchr(p, '_', len) && i < ARRAY_LEN(CODES); i++)
            if (strlen(CODES[i].code) == len && strncmp(CODES[i].code, p, len) == 0)
                return CODES[i].code;
        p += len ? len : 1;
    }
    return NULL;
}

// --- the manual

static void mdoc(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '`') {
            fputs("\\(lq", out);
            for (p++; *p && *p != '`'; p++)
                fputc(*p, out);
            fputs("\\(rq", out);
            if (!*p)
                break;
        } else {
            fputc(*p, out);
        }
        if (*p == '.' && p[1] == ' ') {
            fputc('\n', out);
            p++;
        }
    }
    fputc('\n', out);
}

void ctl_codes_manual(FILE *out)
{
    fputs("What the words mean that the daemon gives as reasons, and what to do;\n.Cm explain\nprints the same.\n",
          out);
    for (size_t k = 0; k < ARRAY_LEN(KINDS); k++) {
        fprintf(out, ".Ss %s\n.Bl -tag -width Ds\n", KINDS[k].title);
        for (size_t i = 0; i < ARRAY_LEN(CODES); i++) {
            if (strcmp(CODES[i].kind, KINDS[k].kind) != 0)
                continue;
            fprintf(out, ".It Sy %s%s%s\n", CODES[i].code, CODES[i].message_id ? " No = Ql " : "",
                    CODES[i].message_id ? CODES[i].message_id : "");
            mdoc(out, CODES[i].meaning);
            if (strcmp(CODES[i].action, "Nothing.") != 0)
                mdoc(out, CODES[i].action);
        }
        fputs(".El\n", out);
    }
}

// --- the verb

static void code_json(struct json_out *o, const struct code *c)
{
    json_object_begin(o);
    json_put_string(o, "kind", c->kind);
    json_put_string(o, "code", c->code);
    json_put_string(o, "meaning", c->meaning);
    json_put_string(o, "action", c->action);
    json_put_string(o, "message_id", c->message_id);
    json_object_end(o);
}

// A code alone, or inside a reason: "order_notional: value 70000 ..." counts by its first word.
static bool matches(const struct code *c, const char *word)
{
    if (c->message_id && str_equal_nocase(c->message_id, word))
        return true;
    size_t len = strlen(c->code);
    return strncasecmp(c->code, word, len) == 0 && (word[len] == '\0' || word[len] == ':' || word[len] == ' ');
}

static size_t count_of(const char *word)
{
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++)
        found += matches(&CODES[i], word);
    return found;
}

static void show(const char *word, struct json_out *o)
{
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++) {
        const struct code *c = &CODES[i];
        if (!matches(c, word))
            continue;
        if (o)
            code_json(o, c);
        else
            printf("%s (%s%s%s)\n  %s\n  To do: %s\n", c->code, c->kind, c->message_id ? " " : "",
                   c->message_id ? c->message_id : "", c->meaning, c->action);
    }
}

static int unknown(const char *word)
{
    const char *names[ARRAY_LEN(CODES)];
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++)
        names[i] = CODES[i].code;
    return ctl_unknown("code", word, names, ARRAY_LEN(names));
}

static void all_for_people(void)
{
    for (size_t k = 0; k < ARRAY_LEN(KINDS); k++) {
        printf("%s%s:\n", k ? "\n" : "", KINDS[k].title);
        for (size_t i = 0; i < ARRAY_LEN(CODES); i++)
            if (strcmp(CODES[i].kind, KINDS[k].kind) == 0)
                printf("  %-20s %s\n", CODES[i].code, CODES[i].meaning);
    }
}

static void explain_json(const struct ctl *c)
{
    struct text t;
    struct json_out o;
    text_init(&t, 1u << 20);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_key(&o, "codes");
    json_array_begin(&o);
    for (size_t w = 0; w < c->word_count; w++)
        show(c->words[w], &o);
    for (size_t i = 0; !c->word_count && i < ARRAY_LEN(CODES); i++)
        code_json(&o, &CODES[i]);
    json_array_end(&o);
    json_object_end(&o);
    printf("%s\n", text_str(&t));
    text_free(&t);
}

int ctl_explain(struct ctl *c)
{
    for (size_t w = 0; w < c->word_count; w++) // all or nothing
        if (count_of(c->words[w]) == 0)
            return unknown(c->words[w]);
    if (c->options.json) {
        explain_json(c);
        return EX_OK;
    }
    for (size_t w = 0; w < c->word_count; w++)
        show(c->words[w], NULL);
    if (!c->word_count)
        all_for_people();
    return EX_OK;
}

void ctl_codes_list(FILE *out)
{
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++)
        fprintf(out, "%s\n", CODES[i].code);
}
