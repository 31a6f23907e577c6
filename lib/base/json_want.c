// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Readers of members that say what is wrong: which member, what was found, what was expected.
#include "lib/base/json_read.h"

#include "lib/base/text.h"
#include "lib/base/when.h"

#define SHOWN_MAX 40 // bytes of a wrong value that an error text shows

static int refuse(struct err *err, const char *where, const char *name, const struct json_node *found,
                  const char *expected)
{
    if (found == NULL)
        return err_set(err, "%s.%s is missing, expected %s", where, name, expected);
    bool flag = false;
    const char *s = json_string(found), *number = json_number_text(found);
    if (s != NULL)
        return err_set(err, "%s.%s: found the string \"%.*s\", expected %s", where, name, SHOWN_MAX, s, expected);
    if (number != NULL)
        return err_set(err, "%s.%s: found the number %s, expected %s", where, name, number, expected);
    if (json_bool(found, &flag))
        return err_set(err, "%s.%s: found %s, expected %s", where, name, flag ? "true" : "false", expected);
    return err_set(err, "%s.%s: found %s, expected %s", where, name, json_type_name(json_type_of(found)), expected);
}

static int want_object(const struct json_node *obj, const char *where, struct err *err)
{
    if (obj == NULL)
        return err_set(err, "%s is missing, expected an object", where);
    enum json_type t = json_type_of(obj);
    return t == JSON_IS_OBJECT ? 0 : err_set(err, "%s: found %s, expected an object", where, json_type_name(t));
}

// 0 with *found = NULL when the member is missing or null.
static int find_optional(const struct json_node *obj, const char *where, const char *name,
                         const struct json_node **found, struct err *err)
{
    if (want_object(obj, where, err) != 0)
        return -1;
    const struct json_node *n = json_get(obj, name);
    *found = n != NULL && json_type_of(n) == JSON_IS_NULL ? NULL : n;
    return 0;
}

static int read_string(const struct json_node *n, const char *where, const char *name, const char **out,
                       struct err *err)
{
    const char *s = json_string(n);
    if (s == NULL)
        return refuse(err, where, name, n, "a string");
    *out = s;
    return 0;
}

static int read_decimal(const struct json_node *n, const char *where, const char *name, enum decimal_mode mode,
                        int64_t *nanos, struct err *err)
{
    if (n == NULL)
        return refuse(err, where, name, n, "a decimal");
    switch (json_decimal(n, mode, nanos)) {
    case DECIMAL_OK:
        return 0;
    case DECIMAL_TOO_PRECISE:
        return refuse(err, where, name, n, "a decimal of at most nine places");
    case DECIMAL_OVERFLOW:
        return refuse(err, where, name, n, "a decimal within +-9223372036.854775807");
    case DECIMAL_MALFORMED:
        break;
    }
    return refuse(err, where, name, n, "a decimal such as \"12.5\"");
}

static int read_when(const struct json_node *n, const char *where, const char *name, int64_t *ns, struct err *err)
{
    if (!when_parse(json_string(n), ns))
        return refuse(err, where, name, n, "a time such as \"2026-10-08T15:10:18Z\"");
    return 0;
}

int json_want_string(const struct json_node *obj, const char *where, const char *name, const char **out,
                     struct err *err)
{
    return want_object(obj, where, err) != 0 ? -1 : read_string(json_get(obj, name), where, name, out, err);
}

int json_want_bool(const struct json_node *obj, const char *where, const char *name, bool *out, struct err *err)
{
    if (want_object(obj, where, err) != 0)
        return -1;
    const struct json_node *n = json_get(obj, name);
    return json_bool(n, out) ? 0 : refuse(err, where, name, n, "true or false");
}

int json_want_int64(const struct json_node *obj, const char *where, const char *name, int64_t *out, struct err *err)
{
    if (want_object(obj, where, err) != 0)
        return -1;
    const struct json_node *n = json_get(obj, name);
    return json_int64(n, out) ? 0 : refuse(err, where, name, n, "a whole number");
}

int json_want_decimal(const struct json_node *obj, const char *where, const char *name, enum decimal_mode mode,
                      int64_t *nanos, struct err *err)
{
    return want_object(obj, where, err) != 0 ? -1 : read_decimal(json_get(obj, name), where, name, mode, nanos, err);
}

int json_want_when(const struct json_node *obj, const char *where, const char *name, int64_t *ns, struct err *err)
{
    return want_object(obj, where, err) != 0 ? -1 : read_when(json_get(obj, name), where, name, ns, err);
}

int json_opt_string(const struct json_node *obj, const char *where, const char *name, const char **out, struct err *err)
{
    const struct json_node *n;
    const char *s = NULL;
    if (find_optional(obj, where, name, &n, err) != 0 || (n != NULL && read_string(n, where, name, &s, err) != 0))
        return -1;
    *out = s;
    return 0;
}

int json_opt_decimal(const struct json_node *obj, const char *where, const char *name, enum decimal_mode mode,
                     bool *present, int64_t *nanos, struct err *err)
{
    const struct json_node *n;
    if (find_optional(obj, where, name, &n, err) != 0 ||
        (n != NULL && read_decimal(n, where, name, mode, nanos, err) != 0))
        return -1;
    *present = n != NULL;
    return 0;
}

int json_opt_when(const struct json_node *obj, const char *where, const char *name, bool *present, int64_t *ns,
                  struct err *err)
{
    const struct json_node *n;
    if (find_optional(obj, where, name, &n, err) != 0 || (n != NULL && read_when(n, where, name, ns, err) != 0))
        return -1;
    *present = n != NULL;
    return 0;
}

int json_only(const struct json_node *obj, const char *where, const char *const *names, size_t count, struct err *err)
{
    if (want_object(obj, where, err) != 0)
        return -1;
    void *cursor = NULL;
    const char *name;
    const struct json_node *value;
    while (json_each(obj, &cursor, &name, &value)) {
        size_t i = 0;
        while (i < count && !str_equal(names[i], name))
            i++;
        if (i < count)
            continue;
        const char *near = str_nearest(name, names, count);
        return err_set(err, "%s.%.*s is not a known member%s%s%s", where, SHOWN_MAX, name,
                       near == NULL ? "" : " (did you mean \"", near == NULL ? "" : near, near == NULL ? "" : "\"?)");
    }
    return 0;
}
