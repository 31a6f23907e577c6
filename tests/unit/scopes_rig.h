// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What api_rig.h has in place of halts of single strategies; included there, below what it keeps them in.
#ifndef PAPERGUARD_TESTS_SCOPES_RIG_H
#define PAPERGUARD_TESTS_SCOPES_RIG_H

// There is one strategy, "momentum".
bool scopes_engage(struct scopes *s, const char *strategy, enum fact_halt state, const char *reason, const char *source)
{
    (void)s, (void)source;
    if (state != HALT_RUNNING && strcmp(strategy, "momentum") == 0) {
        rig.scope = (struct scope){.strategy = "momentum", .record = {.state = state}, .stored = true};
        str_copy_cut(rig.scope.record.reason, sizeof rig.scope.record.reason, reason);
    }
    return strcmp(strategy, "momentum") == 0;
}

const struct scope *scopes_of(const struct scopes *s, const char *strategy)
{
    (void)s;
    return rig.scope.strategy && strcmp(strategy, rig.scope.strategy) == 0 ? &rig.scope : NULL;
}

void scopes_write_json(const struct scopes *s, struct json_out *o)
{
    (void)s;
    json_array_begin(o);
    if (rig.scope.strategy)
        json_add_string(o, fact_halt_name(rig.scope.record.state));
    json_array_end(o);
}

int scopes_release_request(struct scopes *s, const char *strategy, const char *reason, const char *who, char code[17],
                           struct err *err)
{
    (void)s, (void)reason, (void)who;
    if (!scopes_of(s, strategy))
        return err_set(err, "it is not halted");
    strcpy(code, "fedcba9876543210");
    return 0;
}

bool scopes_release_mine(const struct scopes *s, const char *code)
{
    (void)s;
    return rig.scope.strategy && strcmp(code, "fedcba9876543210") == 0;
}

int scopes_release_confirm(struct scopes *s, const char *code, const char *who, struct err *err)
{
    (void)s, (void)code, (void)who, (void)err;
    rig.scope.strategy = NULL;
    return 0;
}

#endif
