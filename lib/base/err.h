// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The detail of a failure, written for the person who must act on it. A caller owns a struct err (usually on its stack)
// and passes it down; a function that fails returns -1 (or its own failure value), sets the text and leaves its outputs
// untouched. Texts never hold a secret.
#ifndef PAPERGUARD_BASE_ERR_H
#define PAPERGUARD_BASE_ERR_H

#include "lib/base/check.h"

#define ERR_TEXT_MAX 512

struct err {
    char text[ERR_TEXT_MAX];
};

// Sets the text (cut at the bound) and returns -1. err may be NULL: then only -1 is returned.
int err_set(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
// Puts "context: " in front of the text that is there and returns -1.
int err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
