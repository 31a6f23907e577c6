// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Files that decide or hold secrets: the config as it was read, the credential folder, key and token files. They belong
// to root or to us, nobody else reads them, and nobody but the owner writes them.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/facts_internal.h"
#include "lib/base/text.h"

#define MODE_REFUSED 0027u // anything for others, writing for the group

static void load_open(struct facts_file *file, int fd)
{
    struct stat st;
    ssize_t n = -1;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FACTS_FILE_MAX) {
        facts_say(file->why, sizeof file->why, "not a regular file of at most %d bytes", FACTS_FILE_MAX);
        return;
    }
    file->mode = st.st_mode & 07777;
    file->uid = st.st_uid;
    file->changed_s = st.st_mtim.tv_sec;
    char *text = check_alloc(1, (size_t)st.st_size + 2);
    n = read(fd, text, (size_t)st.st_size + 1);
    if (n != st.st_size) {
        facts_say(file->why, sizeof file->why, "%s", n < 0 ? strerror(errno) : "changed while it was read");
        free(text);
        return;
    }
    file->text = text;
    file->len = (size_t)n;
}

static void file_add(struct facts *f, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (facts_file_by_path(f, path))
        return;
    if (f->file_count == FACTS_FILES_MAX) {
        f->too_many_files = true;
        return;
    }
    struct facts_file *file = &f->files[f->file_count++];
    *file = (struct facts_file){.name = check_strdup(slash ? slash + 1 : path), .path = check_strdup(path)};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        facts_say(file->why, sizeof file->why, "%s", strerror(errno));
        return;
    }
    load_open(file, fd);
    close(fd);
}

static void folder_read(struct facts *f, const char *folder)
{
    struct text path;
    DIR *dir = opendir(folder);

    if (!dir) {
        facts_bad(&f->view.files, "CREDENTIALS_DIRECTORY %s cannot be read: %s", folder, strerror(errno));
        return;
    }
    text_init(&path, 4096);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (str_equal(e->d_name, ".") || str_equal(e->d_name, ".."))
            continue;
        text_clear(&path);
        text_addf(&path, "%s/%s", folder, e->d_name);
        file_add(f, text_str(&path));
    }
    text_free(&path);
    closedir(dir);
}

void facts_files_read(struct facts *f)
{
    const char *folder = facts_env(f, "CREDENTIALS_DIRECTORY");
    const char *const named[] = {f->config->key_id_file, f->config->secret_file, f->config->token_file};

    if (folder && folder[0])
        folder_read(f, folder);
    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        if (named[i][0])
            file_add(f, named[i]);
}

static void mode_judge(struct fact_state *s, const char *path, unsigned mode, unsigned uid)
{
    if (mode & MODE_REFUSED)
        facts_bad(s, "%.90s has mode %04o, others may get at it: chmod 640", path, mode);
    else if (uid != 0 && uid != geteuid())
        facts_bad(s, "%.90s belongs to user %u, expected root or the daemon's user", path, uid);
}

static void drop_in_folder_judge(struct fact_state *s, const char *config_path)
{
    struct text path;
    struct stat st;

    text_init(&path, 4096);
    text_addf(&path, "%s.d", config_path);
    if (stat(text_str(&path), &st) == 0) {
        if (st.st_mode & 022)
            facts_bad(s, "%.90s has mode %04o, others may add files: chmod 750", text_str(&path), st.st_mode & 07777);
        else if (st.st_uid != 0 && st.st_uid != geteuid())
            facts_bad(s, "%.90s belongs to user %u, expected root or the daemon's user", text_str(&path), st.st_uid);
    }
    text_free(&path);
}

// The latch and the lock are in it. Root looks at other people's folders too; a daemon only at its own.
static void state_folder_judge(struct fact_state *s, const char *path)
{
    struct stat st;

    if (!path[0] || stat(path, &st) != 0) // the start makes it, or says what is wrong
        return;
    if (!S_ISDIR(st.st_mode))
        facts_bad(s, "state_dir %.90s is not a folder", path);
    else if (st.st_mode & 022)
        facts_bad(s, "state_dir %.90s has mode %04o, others may take a halt away: chmod 750", path, st.st_mode & 07777);
    else if (geteuid() != 0 && st.st_uid != geteuid())
        facts_bad(s, "state_dir %.90s belongs to user %u, expected the daemon's user", path, st.st_uid);
}

void facts_files_judge(struct facts *f, const char *config_path)
{
    struct fact_state *s = &f->view.files;

    for (size_t i = 0; config_file_at(f->config, i); i++) {
        const struct config_file *file = config_file_at(f->config, i);
        mode_judge(s, file->path, file->mode, file->uid);
    }
    if (config_path)
        drop_in_folder_judge(s, config_path);
    state_folder_judge(s, f->config->state_dir);
    for (size_t i = 0; i < f->file_count; i++) {
        const struct facts_file *file = &f->files[i];
        if (!file->text)
            facts_bad(s, "%.90s cannot be read: %s", file->path, file->why);
        else
            mode_judge(s, file->path, file->mode, file->uid);
    }
    if (f->too_many_files)
        facts_bad(s, "more than %d credential files", FACTS_FILES_MAX);
    if (s->state == FACT_UNKNOWN) {
        s->state = FACT_GOOD;
        facts_say(s->detail, sizeof s->detail, "config and %zu credential file%s", f->file_count,
                  f->file_count == 1 ? "" : "s");
    }
}

const struct facts_file *facts_file_by_path(const struct facts *f, const char *path)
{
    for (size_t i = 0; i < f->file_count; i++)
        if (str_equal(f->files[i].path, path))
            return &f->files[i];
    return NULL;
}

const struct facts_file *facts_credential(const struct facts *f, const char *name)
{
    const char *folder = facts_env(f, "CREDENTIALS_DIRECTORY");

    for (size_t i = 0; folder && folder[0] && i < f->file_count; i++)
        if (str_equal(f->files[i].name, name) && str_starts(f->files[i].path, folder))
            return &f->files[i];
    return NULL;
}

char *facts_file_line(const struct facts_file *file)
{
    size_t len = file->len;

    if (!file->text)
        return NULL;
    if (len && file->text[len - 1] == '\n')
        len--;
    if (len == 0 || len > FACTS_SECRET_MAX)
        return NULL;
    for (size_t i = 0; i < len; i++)
        if (file->text[i] <= ' ' || file->text[i] >= 127)
            return NULL;
    return check_strndup(file->text, len);
}

void facts_files_free(struct facts *f)
{
    for (size_t i = 0; i < f->file_count; i++) {
        free(f->files[i].name);
        free(f->files[i].path);
        if (f->files[i].text)
            mem_wipe(f->files[i].text, f->files[i].len);
        free(f->files[i].text);
    }
    f->file_count = 0;
}
