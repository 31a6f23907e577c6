// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Between the parts of config: the tables, one value at a time, and where values came from.
#ifndef PAPERGUARD_DAEMON_CONFIG_INTERNAL_H
#define PAPERGUARD_DAEMON_CONFIG_INTERNAL_H

#include "daemon/config.h"

#define CONFIG_FILES_MAX 64
#define CONFIG_FILE_MAX (1024 * 1024) // bytes
#define CONFIG_ITEMS_MAX 1024

enum option_type {
    OPTION_STRING,
    OPTION_PATH,
    OPTION_BOOL,
    OPTION_INT,
    OPTION_DURATION_MS,
    OPTION_BYTES,
    OPTION_MONEY,
    OPTION_QTY,
    OPTION_RATIO,
    OPTION_WORDS,
};
struct option {
    const char *section, *key;
    enum option_type type;
    size_t offset; // of the member in struct config
    const char *unit, *min, *max, *def;
    bool reload;
    const char *prose;
};
extern const struct option config_options[];
extern const size_t config_option_count;

// Keys of [listen "NAME"] and [strategy "NAME"]; def NULL: must be given.
struct named_key {
    const char *section, *key;
    enum option_type type;
    const char *min, *max, *def, *example, *prose;
};
extern const struct named_key config_named_keys[];
extern const size_t config_named_key_count;

struct config_item {                             // one key as it was set
    char *section, *name, *key, *value, *origin; // name NULL for plain options
};
struct config_details {
    struct config_file files[CONFIG_FILES_MAX];
    size_t file_count;
    struct config_item *items;
    size_t item_count;
};

// A value by its type. On failure the member is untouched and err says what was found and what is expected.
int option_value_parse(enum option_type type, const char *min, const char *max, const char *value, void *member,
                       struct err *err) MUST_CHECK;
void option_value_free(enum option_type type, void *member);
void option_value_write(enum option_type type, const void *member, struct text *out);
// Where in a URL a user's name and password may end: its last '@'. NULL: it holds none; a path, as in unix:///run/a@b,
// is none, unless there is a colon in it.
const char *url_secret_end(const char *value);
const char *option_type_name(enum option_type type);
void *option_member(struct config *c, const struct option *o);
// Rules of single options beyond their type (words, shapes; no passwords in files).
int option_rule_check(const struct option *o, const char *value, bool from_file, struct err *err) MUST_CHECK;

const struct option *option_find(const char *section, const char *key); // NULL when unknown
const struct config_item *config_item_find(const struct config *c, const char *section, const char *name,
                                           const char *key);
// Is there such a section, such a key in it (key NULL: the section alone)? 0, or -1 naming what would have been right.
int option_known(const char *section, bool named, const char *key, struct err *err) MUST_CHECK;

// Builds listens and strategies from the items, and checks what spans options. 0 or -1.
int config_build_named(struct config *c, struct err *err) MUST_CHECK;
void config_named_free(struct config *c);

// config_reload.c: what a reload would do with this option.
enum config_verdict config_option_verdict(const struct config *running, const struct config *fresh,
                                          const struct option *o);

#endif
