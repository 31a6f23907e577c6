// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Reading JSON (jansson's only reading door). Strict: duplicate members refused, depth bounded, UTF-8 required, whole
// input consumed, no NUL. Numbers keep their text (they never pass through a double). Nodes are borrowed from their
// document.
#ifndef PAPERGUARD_BASE_JSON_READ_H
#define PAPERGUARD_BASE_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/decimal.h"
#include "lib/base/err.h"

#define JSON_DEPTH_MAX 32
#define JSON_NUMBER_MAX 64 // characters of one number

struct json_doc;  // owns every node
struct json_node; // borrowed; valid until json_doc_free

enum json_type { JSON_IS_NULL, JSON_IS_BOOL, JSON_IS_NUMBER, JSON_IS_STRING, JSON_IS_ARRAY, JSON_IS_OBJECT };

// 0 and *out owned by the caller, or -1 with what and where (line, column).
int json_doc_parse(const char *text, size_t len, struct json_doc **out, struct err *err) MUST_CHECK;
void json_doc_free(struct json_doc *doc); // NULL is fine
const struct json_node *json_doc_root(const struct json_doc *doc);

enum json_type json_type_of(const struct json_node *n); // NULL counts as null
const char *json_type_name(enum json_type t);
size_t json_size(const struct json_node *n);                                  // members of array or object, else 0
const struct json_node *json_at(const struct json_node *array, size_t index); // NULL past the end or not an array
const struct json_node *json_get(const struct json_node *object,
                                 const char *name); // NULL when missing or not an object
// Walks members in document order: start with *cursor = NULL; returns false at the end.
bool json_each(const struct json_node *object, void **cursor, const char **name, const struct json_node **value);

// NULL when n is NULL or not a string; borrowed. (jansson exports a json_string of its own, hence another link name.)
const char *json_string(const struct json_node *n) __asm__("paperguard_json_string");
const char *json_number_text(const struct json_node *n); // the number as it was written; NULL when not a number
bool json_bool(const struct json_node *n, bool *out) MUST_CHECK;
bool json_int64(const struct json_node *n, int64_t *out) MUST_CHECK; // whole number only
// Decimal from a JSON string or number, by its text.
enum decimal_result json_decimal(const struct json_node *n, enum decimal_mode mode, int64_t *nanos) MUST_CHECK;

// Readers that say which member is wrong, what was found and what was expected. `where` names the object ("order").
int json_want_string(const struct json_node *obj, const char *where, const char *name, const char **out,
                     struct err *err) MUST_CHECK;
int json_want_bool(const struct json_node *obj, const char *where, const char *name, bool *out,
                   struct err *err) MUST_CHECK;
int json_want_int64(const struct json_node *obj, const char *where, const char *name, int64_t *out,
                    struct err *err) MUST_CHECK;
int json_want_decimal(const struct json_node *obj, const char *where, const char *name, enum decimal_mode mode,
                      int64_t *nanos, struct err *err) MUST_CHECK;
int json_want_when(const struct json_node *obj, const char *where, const char *name, int64_t *ns,
                   struct err *err) MUST_CHECK;
// Same, but null or a missing member gives *present = false.
int json_opt_string(const struct json_node *obj, const char *where, const char *name, const char **out,
                    struct err *err) MUST_CHECK; // *out = NULL when absent
int json_opt_decimal(const struct json_node *obj, const char *where, const char *name, enum decimal_mode mode,
                     bool *present, int64_t *nanos, struct err *err) MUST_CHECK;
int json_opt_when(const struct json_node *obj, const char *where, const char *name, bool *present, int64_t *ns,
                  struct err *err) MUST_CHECK;
// Refuses members that are not in the list. 0 or -1 naming the first unknown one (with "did you mean").
int json_only(const struct json_node *obj, const char *where, const char *const *names, size_t count,
              struct err *err) MUST_CHECK;

#endif
