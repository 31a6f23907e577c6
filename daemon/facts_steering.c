// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Variables that steer from outside where our connections go, whom they trust, who reads along or which code runs in
// us; and what our children are given. The transport clears or ignores what it knows of these; a host on which they are
// set is not the host that somebody looked at.
#include <string.h>

#include "daemon/facts_internal.h"
#include "lib/base/text.h"
#include "lib/guard/keyscan.h"

enum steer { PROXY, TRUST, LOGIN, NAMES, LOADER };

static const struct {
    const char *name;
    enum steer kind;
} steering[] = {
    {"http_proxy", PROXY},       {"https_proxy", PROXY},  {"all_proxy", PROXY},
    {"ftp_proxy", PROXY},        {"HTTP_PROXY", PROXY},   {"HTTPS_PROXY", PROXY},
    {"ALL_PROXY", PROXY},        {"FTP_PROXY", PROXY},    {"SSLKEYLOGFILE", TRUST},
    {"SSL_CERT_FILE", TRUST},    {"SSL_CERT_DIR", TRUST}, {"CURL_CA_BUNDLE", TRUST},
    {"CURL_SSL_BACKEND", TRUST}, {"OPENSSL_CONF", TRUST}, {"OPENSSL_MODULES", TRUST},
    {"OPENSSL_ENGINES", TRUST},  {"NETRC", LOGIN},        {"CURL_HOME", LOGIN},
    {"HOSTALIASES", NAMES},      {"LOCALDOMAIN", NAMES},  {"RES_OPTIONS", NAMES},
    {"RESOLV_HOST_CONF", NAMES}, {"LD_PRELOAD", LOADER},  {"LD_AUDIT", LOADER},
    {"LD_LIBRARY_PATH", LOADER}, {"GCONV_PATH", LOADER},
};

static const char *const does[] = {
    [PROXY] = "sends connections through a proxy",
    [TRUST] = "changes whom TLS trusts, or writes its keys down",
    [LOGIN] = "adds logins to requests",
    [NAMES] = "changes what host names mean",
    [LOADER] = "loads foreign code into the daemon",
};

// A simulator is on this host and its keys are worth nothing: what measures or disturbs the daemon on purpose may stay.
void facts_steering_judge(struct facts *f)
{
    struct fact_state *s = &f->view.steering;
    const char *noted = NULL;

    for (size_t i = 0; i < ARRAY_LEN(steering); i++) {
        const char *value = facts_env(f, steering[i].name);
        if (!value || !value[0])
            continue;
        if (steering[i].kind == LOADER && f->view.endpoint == ENDPOINT_SIMULATOR)
            noted = steering[i].name;
        else
            facts_bad(s, "%s is set in the environment and %s; unset it (in a unit: UnsetEnvironment=%s)",
                      steering[i].name, does[steering[i].kind], steering[i].name);
    }
    if (s->state == FACT_BAD)
        return;
    s->state = FACT_GOOD;
    facts_say(s->detail, sizeof s->detail, "none%s%s", noted ? "; tolerated at a simulator alone: " : "",
              noted ? noted : "");
}

const char *facts_variable_steers(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(steering); i++)
        if (str_equal(steering[i].name, name))
            return does[steering[i].kind];
    return NULL;
}

static bool holds(const char *entry, const char *secret)
{
    return secret && secret[0] && strstr(entry, secret);
}

void facts_judge_children(struct facts *f, const char *const *envp, int64_t boot_ns)
{
    const struct facts_secrets *own = &f->secrets;
    struct fact_state *s = &f->view.children;
    size_t count = 0;

    *s = (struct fact_state){.state = FACT_UNKNOWN};
    for (; envp[count]; count++) {
        const char *entry = envp[count], *value = strchr(entry, '=');
        const int len = value ? (int)(value - entry) : (int)strlen(entry);
        char name[64];

        facts_say(name, sizeof name, "%.*s", len, entry);
        if (holds(entry, own->key_id) || holds(entry, own->secret) || holds(entry, own->database_password) ||
            holds(entry, own->http_token))
            facts_bad(s, "%s, which strategies are given, holds a secret of this daemon; expected none", name);
        if (keyscan_live_name(name) || keyscan_live_value(name, entry, strlen(entry), NULL))
            facts_bad(s, "%s, which strategies are given, is or holds a live key; expected none", name);
    }
    if (s->state != FACT_BAD) {
        s->state = FACT_GOOD;
        facts_say(s->detail, sizeof s->detail, "%zu variables, no secret in any", count);
    }
    f->view.children_boot_ns = boot_ns;
}
