// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Memory for what must not get out: a copy on pages of its own that no core file holds, no forked child inherits and,
// where the limit allows, no swap sees; and taking it out of what others say.
#ifndef PAPERGUARD_BASE_SECRET_H
#define PAPERGUARD_BASE_SECRET_H

#include <stdbool.h>

#define SECRET_WINDOW 12 // as many characters of a secret in a row give it away

char *secret_keep(const char *value);   // NULL stays NULL; the owner drops it
void secret_drop(char *secret);         // overwritten, then given back; NULL is fine
bool secret_locked(const char *secret); // false: it may be swapped out (RLIMIT_MEMLOCK); NULL is
// Every word of text that shares SECRET_WINDOW characters in a row with the secret, as it is or as hex, base64 or
// percent-encoded, becomes "…". Letters' case does not matter.
void secret_mask(char *text, const char *secret);

#endif
