// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Ledger replay equals live state: what a host believes at the end is what a fresh life reads from Postgres, or the
// host that takes over.
#ifndef PAPERGUARD_TESTS_SIM_REPLAY_H
#define PAPERGUARD_TESTS_SIM_REPLAY_H

struct host;
void replay_check(struct host *h);

#endif
