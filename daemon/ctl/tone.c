// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Colour, only on a terminal and not when NO_COLOR asks for none: a word says what tone it is told in.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl/ctl.h"

static const struct {
    enum ctl_tone tone;
    const char *word;
} WORDS[] = {
    {CTL_GOOD, "PASS"},      {CTL_GOOD, "healthy"},     {CTL_GOOD, "completed"}, {CTL_GOOD, "filled"},
    {CTL_GOOD, "ok"},        {CTL_GOOD, "ready"},       {CTL_GOOD, "applied"},   {CTL_WATCH, "UNKNOWN"},
    {CTL_WATCH, "degraded"}, {CTL_WATCH, "partial"},    {CTL_WATCH, "unknown"},  {CTL_WATCH, "late"},
    {CTL_WATCH, "paused"},   {CTL_WATCH, "sending"},    {CTL_WATCH, "restart"},  {CTL_WATCH, "reduce_only"},
    {CTL_WATCH, "intent"},   {CTL_WATCH, "not_placed"}, {CTL_WATCH, "pending"},  {CTL_WATCH, "early close"},
    {CTL_BAD, "FAIL"},       {CTL_BAD, "unhealthy"},    {CTL_BAD, "halted"},     {CTL_BAD, "failed"},
    {CTL_BAD, "missed"},     {CTL_BAD, "denied"},       {CTL_BAD, "rejected"},   {CTL_BAD, "refused"},
};

enum ctl_tone ctl_tone_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++)
        if (strcmp(WORDS[i].word, word) == 0)
            return WORDS[i].tone;
    return CTL_PLAIN;
}

static bool coloured(void)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(none && none[0]) && term && strcmp(term, "dumb") != 0;
}

const char *ctl_tone_on(enum ctl_tone tone)
{
    static const char *const on[] = {
        [CTL_PLAIN] = "",       [CTL_GOOD] = "\033[32m", [CTL_WATCH] = "\033[33m",
        [CTL_BAD] = "\033[31m", [CTL_DIM] = "\033[2m",
    };
    return tone != CTL_PLAIN && coloured() ? on[tone] : "";
}

const char *ctl_tone_off(void)
{
    return coloured() ? "\033[0m" : "";
}
