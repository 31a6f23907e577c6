// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Facts: gathering at start, and the values that their owners push in while running.
#include "daemon/facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/facts_internal.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"
#include "lib/guard/guard.h"
#include "lib/io/clock.h"

// Slots are instants and a session turns by the clock. An answer that was long under way counts as skew too.
#define CLOCK_SKEW_MAX_NS GUARD_CLOCK_SKEW_NS

void facts_say(char *out, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(out, size, format, args);
    va_end(args);
    str_make_readable(out);
}

void facts_bad(struct fact_state *s, const char *format, ...)
{
    va_list args;

    if (s->state == FACT_BAD)
        return;
    s->state = FACT_BAD;
    va_start(args, format);
    vsnprintf(s->detail, sizeof s->detail, format, args);
    va_end(args);
    str_make_readable(s->detail);
}

const char *facts_env(const struct facts *f, const char *name)
{
    const size_t len = strlen(name);

    for (char *const *e = f->envp; e && *e; e++)
        if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
            return *e + len + 1;
    return NULL;
}

static void secret_free(char *secret)
{
    if (!secret)
        return;
    mem_wipe(secret, strlen(secret));
    free(secret);
}

static void keep(char **secret)
{
    char *kept = secret_keep(*secret);

    secret_free(*secret);
    *secret = kept;
}

int facts_gather(struct config *config, const char *config_path, char *const *envp, struct facts **out, struct err *err)
{
    struct facts *f = check_alloc(1, sizeof *f);

    f->envp = envp;
    f->config = config;
    facts_files_read(f);
    facts_files_judge(f, config_path);
    facts_switches_judge(f);
    facts_stage_judge(f);
    facts_endpoint_judge(f);
    facts_steering_judge(f);
    facts_scan(f);
    facts_keys_judge(f);
    facts_token_read(f);
    str_copy_cut(f->view.account_pinned, sizeof f->view.account_pinned, config->account_pin);
    str_copy_cut(f->view.key_pinned, sizeof f->view.key_pinned, config->key_pin);
    f->view.static_boot_ns = clock_boot_ns();
    const int rc = facts_overrides(f, err);
    keep(&f->key_id);
    keep(&f->secret);
    keep(&f->database_password);
    keep(&f->http_token);
    if (rc) {
        facts_free(f);
        return -1;
    }
    f->secrets = (struct facts_secrets){.key_id = f->key_id,
                                        .secret = f->secret,
                                        .database_password = f->database_password,
                                        .http_token = f->http_token};
    facts_files_free(f); // what was needed is copied; the rest need not stay in memory
    f->envp = NULL;
    f->config = NULL;
    *out = f;
    return 0;
}

void facts_free(struct facts *f)
{
    if (!f)
        return;
    secret_drop(f->key_id);
    secret_drop(f->secret);
    secret_drop(f->database_password);
    secret_drop(f->http_token);
    facts_files_free(f);
    free(f);
}

int facts_judge(struct config *config, const char *config_path, char *const *envp, struct err *err)
{
    struct facts *f = NULL;
    struct guard_result results[GUARD_CHECK_COUNT];
    int rc = facts_gather(config, config_path, envp, &f, err);
    if (rc == 0 && guard_table(&f->view, clock_boot_ns(), true, results) != GUARD_PASS) {
        for (int i = 0; i < GUARD_CHECK_COUNT; i++)
            if (!guard_check_is_static((enum guard_check)i))
                results[i].answer = GUARD_PASS; // not asked here
        enum guard_check worst = guard_table_worst(results);
        rc = err_set(err, "the guard would not pass: %s %s: %s", guard_check_name(worst),
                     guard_answer_name(results[worst].answer), results[worst].detail);
    }
    facts_free(f);
    return rc;
}

const struct guard_facts *facts_view(const struct facts *f)
{
    return &f->view;
}

const struct facts_secrets *facts_secrets(const struct facts *f)
{
    return &f->secrets;
}

bool facts_secrets_locked(const struct facts *f)
{
    return secret_locked(f->key_id) && secret_locked(f->secret) && secret_locked(f->database_password) &&
           secret_locked(f->http_token);
}

const char *facts_environment_name(const struct facts *f)
{
    return f->view.stage == STAGE_STAGING ? "staging" : f->view.stage == STAGE_DEV ? "dev" : "";
}

bool facts_simulator(const struct facts *f)
{
    return f->view.endpoint == ENDPOINT_SIMULATOR;
}

// A number that does not fit is not the number: it becomes one that no check passes.
static void account_copy(char out[ACCOUNT_NUMBER_MAX], const char *number)
{
    if (!str_copy(out, ACCOUNT_NUMBER_MAX, number ? number : ""))
        str_copy_cut(out, ACCOUNT_NUMBER_MAX, "(too long)");
}

void facts_set_account(struct facts *f, const char *number, const char *status, const char *blocked, int64_t boot_ns)
{
    account_copy(f->view.account_number, number);
    str_copy_cut(f->view.account_status, sizeof f->view.account_status, status ? status : "");
    str_copy_cut(f->view.account_blocked, sizeof f->view.account_blocked, blocked);
    f->view.account_boot_ns = boot_ns;
}

void facts_set_key_accepted(struct facts *f, bool accepted)
{
    f->view.account_key_accepted = accepted ? FACT_GOOD : FACT_BAD;
}

void facts_set_first_seen(struct facts *f, bool known, const char *account_number)
{
    f->view.account_first_known = known;
    account_copy(f->view.account_first_seen, known ? account_number : "");
}

void facts_set_database(struct facts *f, enum fact_tri marker, const char *detail, int64_t boot_ns)
{
    f->view.database_marker.state = marker;
    str_copy_cut(f->view.database_marker.detail, sizeof f->view.database_marker.detail, detail ? detail : "");
    facts_set_database_answered(f, boot_ns);
}

void facts_set_database_answered(struct facts *f, int64_t boot_ns)
{
    if (boot_ns > f->view.database_boot_ns)
        f->view.database_boot_ns = boot_ns;
}

void facts_set_halt(struct facts *f, enum fact_halt memory, enum fact_halt file, enum fact_halt database,
                    const char *detail)
{
    f->view.halt_memory = memory;
    f->view.halt_file = file;
    f->view.halt_database = database;
    str_copy_cut(f->view.halt_detail, sizeof f->view.halt_detail, detail ? detail : "");
}

void facts_set_scopes(struct facts *f, const struct fact_scope *scopes, size_t count)
{
    CHECK(count <= GUARD_SCOPES_MAX);
    memcpy(f->view.scopes, scopes, count * sizeof *scopes);
    f->view.scope_count = count;
}

void facts_set_lead(struct facts *f, enum fact_lead lead, int64_t epoch, int64_t until_boot_ns, const char *detail)
{
    f->view.lead = lead;
    f->view.lead_epoch = epoch;
    f->view.lead_until_boot_ns = until_boot_ns;
    str_copy_cut(f->view.lead_detail, sizeof f->view.lead_detail, detail);
}

void facts_set_clock(struct facts *f, int64_t skew_ns, int64_t boot_ns)
{
    const bool wrong = skew_ns > CLOCK_SKEW_MAX_NS || skew_ns < -CLOCK_SKEW_MAX_NS;

    f->view.clock_skew_ns = skew_ns;
    f->view.clock_boot_ns = boot_ns;
    f->view.clock_was_set = false;
    f->clock_ahead_ns = clock_wall_ns() - clock_boot_ns();
    f->clock_trouble[0] = '\0';
    if (wrong)
        facts_say(f->clock_trouble, sizeof f->clock_trouble,
                  "this host's clock is %lld s %s the broker's; set it right",
                  (long long)((skew_ns > 0 ? skew_ns : -skew_ns) / NS_PER_S), skew_ns > 0 ? "ahead of" : "behind");
}

// Both clocks run alike, in suspend too, until somebody sets the one.
bool facts_clock_was_set(const struct facts *f)
{
    const int64_t by = clock_wall_ns() - clock_boot_ns() - f->clock_ahead_ns;

    return f->view.clock_boot_ns && (by > CLOCK_SKEW_MAX_NS || by < -CLOCK_SKEW_MAX_NS);
}

void facts_look_clock(struct facts *f)
{
    f->view.clock_was_set = facts_clock_was_set(f);
}

void facts_set_calendar(struct facts *f, bool known, bool compared, const char *doubt, int64_t boot_ns)
{
    struct fact_state *s = &f->view.calendar;

    s->state = !known ? FACT_UNKNOWN : doubt[0] ? FACT_BAD : FACT_GOOD;
    str_copy_cut(s->detail, sizeof s->detail,
                 !known     ? ""
                 : doubt[0] ? doubt
                 : compared ? "agrees today"
                            : FACTS_ALWAYS_OPEN);
    f->view.calendar_boot_ns = known ? boot_ns : 0;
}

void facts_set_self_test(struct facts *f, bool passed, const char *detail, int64_t boot_ns)
{
    f->view.self_test.state = passed ? FACT_GOOD : FACT_BAD;
    str_copy_cut(f->view.self_test.detail, sizeof f->view.self_test.detail, detail);
    f->view.self_test_boot_ns = boot_ns;
}

void facts_set_peer(struct facts *f, const char *peer, const struct tls_state *tls, int64_t boot_ns)
{
    facts_say(f->view.peer_last, sizeof f->view.peer_last, "%.45s, %s", peer ? peer : "nobody knows where",
              !tls->known                    ? "unknown"
              : !tls->used                   ? "plain"
              : tls->version > TLS_STATE_1_2 ? "TLS 1.3"
                                             : "TLS 1.2");
    f->view.peer_boot_ns = boot_ns;
}

const char *facts_clock_trouble(const struct facts *f)
{
    if (facts_clock_was_set(f))
        return "this host's clock was set; it is compared with the broker's before anything starts";
    return f->clock_trouble[0] ? f->clock_trouble : NULL;
}
