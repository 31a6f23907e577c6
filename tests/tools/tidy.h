// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For clang-tidy only: err_set always answers -1, which the analyzer cannot see from another file.
#ifndef PAPERGUARD_TESTS_TIDY_H
#define PAPERGUARD_TESTS_TIDY_H

#include "lib/base/err.h"

#define err_set(...) ((void)err_set(__VA_ARGS__), -1)

#endif
