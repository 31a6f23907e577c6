// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// `paperguard check PATH...`: finds the files, has each read by who knows its kind, and tells what was found.
#include "daemon/ctl/gate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ctl/ctl.h"

#define FINDINGS_MAX 10000
#define FILES_MAX (2 * GATE_PATHS_MAX)

struct finding {
    enum gate_severity severity;
    const char *rule, *file;
    unsigned line;
    char variable[64], text[GATE_TEXT_MAX];
};

struct file {
    char *path;
    bool read;
};

struct gate {
    struct finding *findings;
    size_t finding_count;
    struct file *files[FILES_MAX]; // named, each once
    size_t file_count, looked;
    struct gate_scope *scopes[GATE_SCOPES_MAX];
    size_t scope_count;
};

// --- what was found

void gate_say(struct gate *g, enum gate_severity severity, const char *rule, const char *file, unsigned line,
              const char *variable, const char *format, ...)
{
    va_list args;

    for (size_t i = 0; i < g->finding_count; i++) { // by its line and by its variable: once
        const struct finding *f = &g->findings[i];
        if (f->line == line && strcmp(f->rule, rule) == 0 && strcmp(f->file, file) == 0 &&
            (!variable[0] || !f->variable[0] || strcmp(f->variable, variable) == 0))
            return;
    }
    if (g->finding_count == FINDINGS_MAX)
        return;
    bool last = g->finding_count == FINDINGS_MAX - 1; // whatever is not told is an error
    g->findings = check_realloc(g->findings, (g->finding_count + 1) * sizeof *g->findings);
    struct finding *f = &g->findings[g->finding_count++];
    *f = (struct finding){.severity = severity, .rule = rule, .file = file, .line = line};
    str_copy_cut(f->variable, sizeof f->variable, variable);
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    str_make_readable(f->text);
    str_make_readable(f->variable);
    if (!last)
        return;
    *f = (struct finding){.severity = GATE_ERROR, .rule = "too_many", .file = file, .line = line};
    snprintf(f->text, sizeof f->text, "more is wrong than is told");
}

void gate_too_many(struct gate *g, const char *file, const char *what)
{
    gate_say(g, GATE_ERROR, "too_many", gate_file(g, file), 1, "", "%s; not all of it was looked at", what);
}

static int in_order(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    const int by_file = strcmp(x->file, y->file);

    if (by_file)
        return by_file;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    const int by_rule = strcmp(x->rule, y->rule);
    return by_rule ? by_rule : strcmp(x->variable, y->variable);
}

// --- files

static struct file *file_of(const struct gate *g, const char *path)
{
    for (size_t i = 0; i < g->file_count; i++)
        if (strcmp(g->files[i]->path, path) == 0)
            return g->files[i];
    return NULL;
}

const char *gate_file(struct gate *g, const char *path)
{
    struct file *f = file_of(g, path);

    if (!f && g->file_count == FILES_MAX)
        return "(one file more)";
    if (!f) {
        f = check_alloc(1, sizeof *f);
        f->path = check_strdup(path);
        g->files[g->file_count++] = f;
    }
    return f->path;
}

bool gate_was_read(const struct gate *g, const char *path)
{
    const struct file *f = file_of(g, path);

    return f && f->read;
}

bool gate_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static char *slurp(const char *path, const char **why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *text = NULL;

    *why = "cannot be read";
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= (off_t)GATE_FILE_MAX) {
        text = check_alloc(1, (size_t)st.st_size + 1);
        const ssize_t n = read(fd, text, (size_t)st.st_size);
        if (n != st.st_size || memchr(text, '\0', (size_t)n)) {
            *why = "is not text";
            free(text);
            text = NULL;
        }
    } else if (fd >= 0) {
        *why = "is not a regular file of at most 1 MiB";
    }
    if (fd >= 0)
        close(fd);
    return text;
}

char *gate_read(struct gate *g, const char *path, const char **name)
{
    const bool again = gate_was_read(g, path);
    const char *why;
    char *text = slurp(path, &why);
    struct file *file;
    unsigned line = 1;

    *name = gate_file(g, path);
    if ((file = file_of(g, path)) != NULL)
        file->read = true;
    if (!text) {
        gate_say(g, GATE_ERROR, "unreadable", *name, 1, "", "%s", why);
        return NULL;
    }
    for (const char *p = text; !again && *p; line++) {
        const size_t len = strcspn(p, "\n");
        gate_judge_line(g, *name, line, p, len);
        p += len + (p[len] == '\n');
    }
    return text;
}

// --- environments

struct gate_scope *gate_scope_new(struct gate *g, const char *label, const char *file, unsigned line)
{
    if (g->scope_count == GATE_SCOPES_MAX) {
        gate_too_many(g, file, "too many environments");
        return NULL;
    }
    struct gate_scope *s = check_alloc(1, sizeof *s);
    s->label = check_strdup(label);
    s->file = gate_file(g, file);
    s->line = line;
    s->example = gate_is_example(file);
    return g->scopes[g->scope_count++] = s;
}

const struct gate_var *gate_var(const struct gate_scope *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->vars[i].name, name) == 0)
            return &s->vars[i];
    return NULL;
}

static void value_free(struct gate_var *v)
{
    if (v->value)
        mem_wipe(v->value, strlen(v->value));
    free(v->value);
    v->value = NULL;
}

void gate_put(struct gate *g, struct gate_scope *s, const char *name, const char *value, const char *file,
              unsigned line)
{
    size_t i = 0;

    while (i < s->count && strcmp(s->vars[i].name, name) != 0)
        i++;
    if (i == GATE_VARS_MAX) {
        gate_too_many(g, file, "too many variables");
        return;
    }
    if (i == s->count) {
        s->vars = check_realloc(s->vars, (s->count + 1) * sizeof *s->vars);
        s->vars[s->count++] = (struct gate_var){.name = check_strdup(name)};
    } else if (s->vars[i].file == file && s->vars[i].value && value && strcmp(s->vars[i].value, value) != 0) {
        gate_say(g, GATE_ERROR, "twice", file, line, name, "is set to something else in line %u; leave one of them",
                 s->vars[i].line);
    }
    value_free(&s->vars[i]);
    s->vars[i].value = value ? check_strdup(value) : NULL;
    s->vars[i].file = file;
    s->vars[i].line = line;
    gate_judge_var(g, s, &s->vars[i]);
}

void gate_remove(struct gate_scope *s, const char *name)
{
    const struct gate_var *v = gate_var(s, name);

    if (!v)
        return;
    const size_t i = (size_t)(v - s->vars);
    value_free(&s->vars[i]);
    free(s->vars[i].name);
    memmove(&s->vars[i], &s->vars[i + 1], (--s->count - i) * sizeof *s->vars);
    s->certain -= i < s->certain;
}

// --- which file is what

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_unit(const char *name)
{
    return str_ends(name, ".service");
}

static bool is_yaml(const char *name)
{
    return str_ends(name, ".yml") || str_ends(name, ".yaml");
}

static bool is_env(const char *path, const char *name)
{
    return str_equal(name, ".env") || str_starts(name, ".env.") || str_ends(name, ".env") || strstr(name, ".env.") ||
           str_equal(name, "environment") || strstr(path, "etc/default/") || strstr(path, "etc/sysconfig/");
}

static bool is_conf(const char *path, const char *name)
{
    return str_ends(name, ".conf") && (str_equal(name, "paperguard.conf") || strstr(path, "paperguard.conf.d/") ||
                                       strstr(path, "etc/paperguard/"));
}

static bool is_credential(const char *name)
{
    return str_starts(name, "alpaca_key_id") || str_starts(name, "alpaca_secret_key");
}

static void look_env(struct gate *g, const char *path)
{
    struct gate_scope *s = gate_scope_new(g, last_part(path), path, 1);

    if (s) {
        s->whole = true;
        gate_env_file(g, s, path);
    }
}

// Units and compose files come first: an environment file that one of them names is part of its service.
enum round { ROUND_WHOLE, ROUND_LOOSE };

static void look_file(struct gate *g, const char *path, bool named, enum round round)
{
    const char *name = last_part(path);
    const bool drop_in = str_ends(name, ".conf") && strstr(path, ".service.d/");
    const bool loose = !is_unit(name) && !is_yaml(name);

    if (loose != (round == ROUND_LOOSE) || (loose && gate_was_read(g, path)))
        return;
    if (is_unit(name))
        gate_unit(g, path);
    else if (is_yaml(name))
        gate_yaml(g, path);
    else if (drop_in) {
        char *folder = check_strndup(path, (size_t)(name - path) - 1);
        gate_unit_folder(g, folder);
        free(folder);
    } else if (is_conf(path, name))
        gate_conf(g, path);
    else if (is_credential(name))
        gate_judge_credential(g, path, name);
    else if (named || is_env(path, name))
        look_env(g, path);
    else
        gate_say(g, GATE_SKIPPED, "kind", gate_file(g, path), 0, "", "is no environment file, compose file or unit");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void look(struct gate *g, const char *path, bool named, enum round round, int depth);

static void look_folder(struct gate *g, const char *path, enum round round, int depth)
{
    static const char *const not_ours[] = {".", "..", ".git", "node_modules", ".venv", "__pycache__", "target"};
    char *names[GATE_PATHS_MAX];
    size_t count = 0;
    DIR *dir = opendir(path);

    if (!dir)
        gate_say(g, GATE_ERROR, "unreadable", gate_file(g, path), 0, "", "cannot be read: %s", strerror(errno));
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        bool skip = false;
        for (size_t i = 0; i < ARRAY_LEN(not_ours); i++)
            skip = skip || strcmp(e->d_name, not_ours[i]) == 0;
        if (!skip && count == GATE_PATHS_MAX)
            gate_too_many(g, path, "too many files in one folder");
        else if (!skip)
            names[count++] = check_strdup(e->d_name);
    }
    if (dir)
        closedir(dir);
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        struct text t;
        text_init(&t, 4096);
        if (strcmp(path, ".") != 0)
            text_addf(&t, "%s%s", path, str_ends(path, "/") ? "" : "/");
        text_add(&t, names[i]);
        look(g, text_str(&t), false, round, depth + 1);
        text_free(&t);
        free(names[i]);
    }
}

static void look(struct gate *g, const char *path, bool named, enum round round, int depth)
{
    struct stat st;

    if (g->looked++ > 2 * GATE_PATHS_MAX || depth > 32) {
        gate_say(g, GATE_ERROR, "too_many", gate_file(g, path), 0, "",
                 "too many files or folders; name those that matter");
        return;
    }
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && !named && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return; // what it leads to is looked at where it lies, if at all
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        look_folder(g, path, round, depth);
    else
        look_file(g, path, named, round);
}

// --- telling

static const char *severity_name(enum gate_severity s)
{
    return s == GATE_ERROR ? "error" : s == GATE_WARNING ? "warning" : "skipped";
}

static size_t count_of(const struct gate *g, enum gate_severity severity)
{
    size_t n = 0;

    for (size_t i = 0; i < g->finding_count; i++)
        n += g->findings[i].severity == severity;
    return n;
}

static void tell_text(const struct gate *g, size_t files)
{
    for (size_t i = 0; i < g->finding_count; i++) {
        const struct finding *f = &g->findings[i];
        if (f->severity == GATE_SKIPPED && strcmp(f->rule, "kind") == 0)
            continue;
        ctl_print(stdout, f->file);
        printf(":%u: %s: ", f->line ? f->line : 1, severity_name(f->severity));
        if (f->variable[0])
            printf("%s ", f->variable);
        printf("%s [%s]\n", f->text, f->rule);
    }
    for (size_t i = 0; i < g->finding_count; i++)
        if (g->findings[i].severity == GATE_SKIPPED && strcmp(g->findings[i].rule, "kind") == 0) {
            printf("skipped: ");
            ctl_print(stdout, g->findings[i].file);
            printf(" %s\n", g->findings[i].text);
        }
    printf("%zu file%s read, %zu error%s, %zu warning%s\n", files, files == 1 ? "" : "s", count_of(g, GATE_ERROR),
           count_of(g, GATE_ERROR) == 1 ? "" : "s", count_of(g, GATE_WARNING),
           count_of(g, GATE_WARNING) == 1 ? "" : "s");
}

// A workflow command: percent and line ends would end it, in properties also colon and comma.
static void print_escaped(const char *text, bool property)
{
    for (const char *p = text; *p; p++) {
        if (*p == '%' || *p == '\n' || *p == '\r' || (property && (*p == ':' || *p == ',')))
            printf("%%%02X", (unsigned char)*p);
        else
            putchar(*p);
    }
}

static void tell_github(const struct gate *g)
{
    for (size_t i = 0; i < g->finding_count; i++) {
        const struct finding *f = &g->findings[i];
        if (f->severity == GATE_SKIPPED)
            continue;
        printf("::%s file=", severity_name(f->severity));
        print_escaped(f->file, true);
        printf(",line=%u,title=paperguard ", f->line ? f->line : 1);
        print_escaped(f->rule, true);
        printf("::");
        print_escaped(f->variable, false);
        printf("%s", f->variable[0] ? " " : "");
        print_escaped(f->text, false);
        putchar('\n');
    }
}

static void tell_json(const struct gate *g, size_t files)
{
    struct text t;
    struct json_out o;

    text_init(&t, 1u << 24);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_key(&o, "findings");
    json_array_begin(&o);
    for (size_t i = 0; i < g->finding_count; i++) {
        const struct finding *f = &g->findings[i];
        json_object_begin(&o);
        json_put_string(&o, "file", f->file);
        json_put_int(&o, "line", f->line ? f->line : 1);
        json_put_string(&o, "severity", severity_name(f->severity));
        json_put_string(&o, "rule", f->rule);
        json_put_string(&o, "variable", f->variable[0] ? f->variable : NULL);
        json_put_string(&o, "message", f->text);
        json_object_end(&o);
    }
    json_array_end(&o);
    json_put_int(&o, "files", (int64_t)files);
    json_put_int(&o, "errors", (int64_t)count_of(g, GATE_ERROR));
    json_put_int(&o, "warnings", (int64_t)count_of(g, GATE_WARNING));
    json_object_end(&o);
    printf("%s\n", text_str(&t));
    text_free(&t);
}

static void gate_end(struct gate *g)
{
    for (size_t i = 0; i < g->scope_count; i++) {
        while (g->scopes[i]->count)
            gate_remove(g->scopes[i], g->scopes[i]->vars[0].name);
        free(g->scopes[i]->vars);
        free(g->scopes[i]->label);
        free(g->scopes[i]);
    }
    for (size_t i = 0; i < g->file_count; i++) {
        free(g->files[i]->path);
        free(g->files[i]);
    }
    free(g->findings);
    free(g);
}

int ctl_gate(struct ctl *c)
{
    const char *ci = getenv("GITHUB_ACTIONS"), *format = c->options.format;

    if (!format)
        format = c->options.json ? "json" : str_equal(ci, "true") ? "github" : "text";
    if (!str_equal(format, "text") && !str_equal(format, "json") && !str_equal(format, "github")) {
        fprintf(stderr, "paperguard: --format is text, json or github\n");
        return EX_USAGE;
    }
    for (size_t i = 0; i < c->word_count; i++)
        if (!gate_exists(c->words[i])) {
            fprintf(stderr, "paperguard: %s: %s\n", c->words[i], strerror(errno));
            return EX_NOINPUT;
        }
    struct gate *g = check_alloc(1, sizeof *g);
    for (enum round round = ROUND_WHOLE; round <= ROUND_LOOSE; round++)
        for (size_t i = 0; i < c->word_count; i++)
            look(g, c->words[i], true, round, 0);
    for (size_t i = 0; i < g->scope_count; i++) {
        gate_judge_scope(g, g->scopes[i]);
        for (size_t k = 0; k < i; k++)
            gate_judge_two(g, g->scopes[k], g->scopes[i]);
    }
    if (g->finding_count)
        qsort(g->findings, g->finding_count, sizeof *g->findings, in_order);
    size_t files = 0;
    for (size_t i = 0; i < g->file_count; i++)
        files += g->files[i]->read;
    if (str_equal(format, "json"))
        tell_json(g, files);
    else if (str_equal(format, "github"))
        tell_github(g);
    else
        tell_text(g, files);
    const int code = count_of(g, GATE_ERROR) ? EX_CONFIG : EX_OK;
    gate_end(g);
    return code;
}
