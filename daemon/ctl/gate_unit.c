// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// systemd units with their drop-ins, as systemd puts them together: Environment= adds and, empty, begins anew;
// EnvironmentFile= comes over it, with a dash it need not be there; PassEnvironment=, UnsetEnvironment=, credentials.
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/gate.h"
#include "lib/base/text.h"

#define FILES_MAX 64
#define DROP_INS_MAX 256

struct env_file {
    char *path;
    const char *file;
    unsigned line;
};

struct unit {
    struct gate *g;
    struct gate_scope *s;
    struct env_file files[FILES_MAX];
    size_t file_count;
    char *unset[FILES_MAX];
    size_t unset_count;
};

// One word of a list: blanks part words, quotes hold them together, a backslash takes the next character as it is.
// Returns what follows, NULL at the end.
static const char *next_word(const char *p, struct text *word)
{
    char quote = '\0';

    text_clear(word);
    p += strspn(p, " \t");
    if (!*p)
        return NULL;
    for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
        if (!quote && (*p == '"' || *p == '\''))
            quote = *p;
        else if (quote == *p && quote)
            quote = '\0';
        else if (*p == '\\' && p[1])
            text_addc(word, *++p);
        else
            text_addc(word, *p);
    }
    return p;
}

static void put_environment(struct unit *u, const char *value, const char *file, unsigned line)
{
    struct text word;

    if (!*value) { // begins anew
        while (u->s->count)
            gate_remove(u->s, u->s->vars[0].name);
        return;
    }
    text_init(&word, GATE_FILE_MAX);
    for (const char *p = value; (p = next_word(p, &word)) != NULL;) {
        char *text = check_strdup(text_str(&word)), *equals = strchr(text, '=');
        if (!equals) {
            gate_say(u->g, GATE_ERROR, "syntax", file, line, "", "a word of Environment= is not NAME=VALUE");
        } else {
            *equals = '\0';
            gate_put(u->g, u->s, text, equals[1] == '\0' ? "" : equals + 1, file, line);
        }
        mem_wipe(text, strlen(text));
        free(text);
    }
    text_wipe_free(&word);
}

static void files_clear(struct unit *u)
{
    for (size_t i = 0; i < u->file_count; i++)
        free(u->files[i].path);
    u->file_count = 0;
}

static void put_file(struct unit *u, const char *value, const char *file, unsigned line)
{
    if (!*value)
        files_clear(u);
    else if (u->file_count < FILES_MAX)
        u->files[u->file_count++] = (struct env_file){check_strdup(value), file, line};
}

static void put_names(struct unit *u, const char *value, const char *file, unsigned line, bool pass)
{
    struct text word;

    text_init(&word, GATE_FILE_MAX);
    for (const char *p = value; (p = next_word(p, &word)) != NULL;) {
        if (pass)
            gate_put(u->g, u->s, text_str(&word), NULL, file, line);
        else if (u->unset_count < FILES_MAX)
            u->unset[u->unset_count++] = check_strdup(text_str(&word));
    }
    text_free(&word);
}

// ID:PATH or ID:VALUE. What it is called, where it lies and what is in it.
static void put_credential(struct unit *u, const char *value, const char *file, unsigned line, bool literal)
{
    const char *colon = strchr(value, ':');
    char *id = check_strndup(value, colon ? (size_t)(colon - value) : strlen(value));

    if (literal)
        gate_put(u->g, u->s, id, colon ? colon + 1 : "", file, line);
    else
        gate_put(u->g, u->s, id, NULL, file, line);
    if (!literal && colon && colon[1] == '/' && !strchr(colon, '%') && gate_exists(colon + 1))
        gate_judge_credential(u->g, colon + 1, id);
    free(id);
}

static void setting(struct unit *u, const char *key, const char *value, const char *file, unsigned line)
{
    if (str_equal(key, "Environment"))
        put_environment(u, value, file, line);
    else if (str_equal(key, "EnvironmentFile"))
        put_file(u, value, file, line);
    else if (str_equal(key, "PassEnvironment"))
        put_names(u, value, file, line, true);
    else if (str_equal(key, "UnsetEnvironment"))
        put_names(u, value, file, line, false);
    else if (str_equal(key, "LoadCredential") || str_equal(key, "LoadCredentialEncrypted"))
        put_credential(u, value, file, line, false);
    else if (str_equal(key, "SetCredential"))
        put_credential(u, value, file, line, true);
    else if (str_equal(key, "ExecStart") && strstr(value, "/paperguardd"))
        u->s->guarded = true;
}

// Joins lines that end with a backslash (comments within are left out). Returns what follows, NULL at the end.
static const char *logical_line(const char *p, unsigned *line, struct text *out)
{
    bool more = true;

    text_clear(out);
    if (!*p)
        return NULL;
    for (bool first = true; more && *p; first = false) {
        const size_t len = strcspn(p, "\n");
        const char *start = p + strspn(p, " \t");
        const bool comment = *start == '#' || *start == ';';
        more = len > 0 && p[len - 1] == '\\' && !(comment && first);
        if (!first && comment)
            more = true;
        else
            text_addn(out, p, more ? len - 1 : len);
        if (more)
            text_addc(out, ' ');
        p += len + (p[len] == '\n');
        ++*line;
    }
    return p;
}

static void read_one(struct unit *u, const char *path)
{
    const char *file;
    char *text = gate_read(u->g, path, &file);
    struct text line;
    bool service = false;
    unsigned number = 0;

    if (!text)
        return;
    text_init(&line, GATE_FILE_MAX);
    for (const char *p = text; p;) {
        const unsigned at = number + 1;
        p = logical_line(p, &number, &line);
        char *s = check_strdup(text_str(&line)), *begin = s + strspn(s, " \t"), *end = begin + strlen(begin);
        while (end > begin && strchr(" \t\r", end[-1]))
            *--end = '\0';
        char *equals = strchr(begin, '=');
        if (*begin == '[') {
            service = str_equal(begin, "[Service]");
        } else if (service && equals && *begin != '#' && *begin != ';') {
            char *key_end = equals;
            while (key_end > begin && strchr(" \t", key_end[-1]))
                key_end--;
            *key_end = '\0';
            setting(u, begin, equals + 1 + strspn(equals + 1, " \t"), file, at);
        }
        mem_wipe(s, strlen(s));
        free(s);
    }
    text_wipe_free(&line);
    mem_wipe(text, strlen(text));
    free(text);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_drop_ins(struct unit *u, const char *folder)
{
    char *names[DROP_INS_MAX];
    size_t count = 0;
    DIR *dir = opendir(folder);

    if (!dir)
        return;
    for (struct dirent *e; count < DROP_INS_MAX && (e = readdir(dir)) != NULL;)
        if (str_ends(e->d_name, ".conf")) {
            struct text path;
            text_init(&path, 4096);
            text_addf(&path, "%s/%s", folder, e->d_name);
            names[count++] = text_take(&path);
        }
    closedir(dir);
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        read_one(u, names[i]);
        free(names[i]);
    }
}

// Where a file of the host lies beside this unit: below the folder in which etc/systemd or lib/systemd is. NULL: not
// here.
static char *on_host(const char *unit, const char *path)
{
    static const char *const marks[] = {"etc/systemd/", "usr/lib/systemd/", "lib/systemd/"};
    struct text out;

    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        const char *mark = strstr(unit, marks[i]);
        if (!mark || (mark != unit && mark[-1] != '/'))
            continue;
        text_init(&out, 4096);
        text_addn(&out, unit, mark == unit ? 0 : (size_t)(mark - unit) - 1);
        text_add(&out, mark == unit ? path + 1 : path);
        return text_take(&out);
    }
    return NULL;
}

static void read_files(struct unit *u, const char *unit)
{
    u->s->certain = u->s->count;
    for (size_t i = 0; i < u->file_count; i++) {
        const struct env_file *f = &u->files[i];
        const bool optional = f->path[0] == '-';
        const char *path = f->path + optional;
        char *here = path[0] == '/' && !strpbrk(path, "%*?[") ? on_host(unit, path) : NULL;

        u->s->optional |= optional;
        if (here && gate_exists(here)) {
            gate_env_file(u->g, u->s, here);
            if (!optional)
                u->s->certain = u->s->count;
        } else {
            u->s->whole = false;
            if (here && !optional)
                gate_say(u->g, GATE_ERROR, "env_file_missing", f->file, f->line, "EnvironmentFile",
                         "%.160s is not there, the unit will not start", path);
            else
                gate_say(u->g, GATE_SKIPPED, "not_here", f->file, f->line, "EnvironmentFile",
                         "%.160s %s; what it sets is not known", path, here ? "is not there" : "lies on the host");
        }
        free(here);
    }
}

static void read_unit(struct gate *g, const char *path, const char *drop_ins, bool whole)
{
    struct unit u = {.g = g, .s = gate_scope_new(g, path, path, 1)};

    if (!u.s)
        return;
    u.s->whole = whole;
    if (whole)
        read_one(&u, path);
    read_drop_ins(&u, drop_ins);
    read_files(&u, path);
    for (size_t i = 0; i < u.unset_count; i++) {
        gate_remove(u.s, u.unset[i]);
        free(u.unset[i]);
    }
    if (u.s->certain > u.s->count)
        u.s->certain = u.s->count;
    files_clear(&u);
}

void gate_unit(struct gate *g, const char *path)
{
    struct text folder;

    text_init(&folder, 4096);
    text_addf(&folder, "%s.d", path);
    read_unit(g, path, text_str(&folder), true);
    text_free(&folder);
}

void gate_unit_folder(struct gate *g, const char *path)
{
    read_unit(g, path, path, false);
}
