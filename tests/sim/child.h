// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Simulated strategies.
#ifndef PAPERGUARD_TESTS_SIM_CHILD_H
#define PAPERGUARD_TESTS_SIM_CHILD_H

#include <stdint.h>

void child_failures(int64_t ppm); // crashes, garbage, hanging

#endif
