// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Clock times: what goes wrong right at a slot, and that each is run once or on record as missed, with its reason.
#ifndef PAPERGUARD_TESTS_SIM_SLOTS_H
#define PAPERGUARD_TESTS_SIM_SLOTS_H

void slots_begin(void);
void slots_check(const char *account);

#endif
