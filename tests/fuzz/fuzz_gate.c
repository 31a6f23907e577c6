// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/ctl/gate.o daemon/ctl/gate_env.o daemon/ctl/gate_unit.o daemon/ctl/gate_yaml.o
// needs: daemon/ctl/gate_conf.o daemon/ctl/gate_rules.o
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_steering.o
// needs: daemon/facts_dsn.o daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
//
// Any text as a file that is about to be deployed: of the kind that its first line names ("env", "yaml", "unit",
// "conf"). It ends with 0 or 78, and what it prints of environment files holds no key and no secret.
#include <sysexits.h>

#include "daemon/ctl/ctl.h"
#include "tests/fuzz/fuzz_text.h"

#define INPUT_MAX 8192
#define KEY "PKTESTTESTTEST000001"
#define SECRET "s3cr3ts3cr3t"

// The command line's own parts that print are not what is tried here.
void ctl_print(FILE *out, const char *text)
{
    fputs(text, out);
}

static char folder[64], path[128];
static FILE *said;

static void clean_up(void)
{
    unlink(path);
    rmdir(folder);
}

static void set_up(void)
{
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "/dev/shm/fuzz_gate.XXXXXX");
    CHECK(mkdtemp(folder) && atexit(clean_up) == 0);
    said = tmpfile();
    CHECK(said && dup2(fileno(said), STDOUT_FILENO) == STDOUT_FILENO);
}

static const char *name_of(const char *input, size_t *skip)
{
    static const struct {
        const char *first, *name;
    } kinds[] = {{"yaml\n", "compose.yml"}, {"unit\n", "a.service"}, {"conf\n", "paperguard.conf"}, {"env\n", "a.env"}};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_starts(input, kinds[i].first)) {
            *skip = strlen(kinds[i].first);
            return kinds[i].name;
        }
    *skip = 0;
    return "b.env";
}

// Does the word stand as the value of a variable of its kind at each place? Elsewhere it is a name or a path, and
// shown.
static bool is_value(const char *input, const char *word, const char *before)
{
    for (const char *p = input; (p = strstr(p, word)) != NULL; p++) {
        const size_t len = strlen(before);
        const char *line = p;
        while (line > input && line[-1] != '\n')
            line--;
        if ((size_t)(p - line) < len || strncmp(line, before, len) != 0 || line + len != p)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char output[1u << 20];
    size_t skip;

    if (size > INPUT_MAX)
        return 0;
    set_up();
    char *input = check_strndup((const char *)data, size);
    snprintf(path, sizeof path, "%s/%s", folder, name_of(input, &skip));
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(data + skip, 1, size - skip, file) == size - skip && fclose(file) == 0);
    char *words[] = {path};
    struct ctl c = {.options = {.format = "json"}, .words = words, .word_count = 1};
    CHECK(ftruncate(STDOUT_FILENO, 0) == 0);
    rewind(stdout);
    const int code = ctl_gate(&c);
    CHECK(code == EX_OK || code == EX_CONFIG);
    CHECK(fflush(stdout) == 0);
    const ssize_t n = pread(STDOUT_FILENO, output, sizeof output - 1, 0);
    CHECK(n > 0);
    output[n] = '\0';
    if (str_starts(input, "env\n") && !strpbrk(input, "\"'\\"))
        CHECK((!is_value(input, KEY, "ALPACA_KEY=") || !strstr(output, KEY)) &&
              (!is_value(input, SECRET, "ALPACA_SECRET=") || !strstr(output, SECRET)));
    unlink(path);
    free(input);
    return 0;
}
