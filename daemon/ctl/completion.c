// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// bash's completion, made from the tables of verbs and options. Names are asked of the daemon, which may be away.
#include <ctype.h>
#include <string.h>

#include "daemon/ctl/ctl.h"

// Option values that are a fixed list; other upper-case words are asked of the daemon, or are files.
static const struct {
    const char *word, *values;
} VALUES[] = {
    {"ENVIRONMENT", "staging dev"},
    {"FORMAT", "text json github"},
    {"STATUS", "open closed running completed partial failed missed unknown filled canceled rejected denied dry_run "
               "not_placed"},
};

static void completion_values(FILE *out, const char *word)
{
    fputs(": ", out); // also when nothing can be offered
    static const char *const asked[] = {"STRATEGY", "BOOK", "SYMBOL", "RUN", "CODE", "ORDER", "OPTION"};
    for (size_t i = 0; i < ARRAY_LEN(VALUES); i++)
        if (str_equal(VALUES[i].word, word))
            fprintf(out, "&& COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", VALUES[i].values);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        if (str_equal(asked[i], word))
            fprintf(out, "&& _paperguard_ask %s", word);
    if (str_equal(word, "NAME"))
        fputs("&& COMPREPLY=($(cd /etc/paperguard 2>/dev/null && compgen -G \"$cur*.conf\" | sed 's/\\.conf$//'))",
              out);
    if (str_equal(word, "FILE") || str_equal(word, "PATH"))
        fputs("&& COMPREPLY=($(compgen -f -- \"$cur\"))", out);
}

static void completion_options(FILE *out)
{
    fputs("    case \"$prev\" in\n", out);
    for (size_t i = 0; i < ctl_option_count; i++) {
        const struct ctl_option *o = &ctl_option_table[i];
        if (o->kind == CTL_FLAG)
            continue;
        fprintf(out, "    %s) ", o->name);
        completion_values(out, o->argument);
        fputs("; return ;;\n", out);
    }
    fputs("    esac\n", out);
}

// What stands where a word goes: "[STRATEGY...] [--wait]" is STRATEGY.
static void first_word(const char *arguments, char out[32])
{
    out[0] = '\0';
    for (const char *p = arguments; *p; p++) {
        if (str_starts(p, "--")) { // over the option and its argument
            p += strcspn(p, "]|");
            if (!*p)
                return;
        } else if (isupper((unsigned char)*p)) {
            snprintf(out, 32, "%.*s", (int)strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), p);
            return;
        }
    }
}

static void completion_verb(FILE *out, const struct ctl_verb *v)
{
    char word[32];
    first_word(v->arguments, word);
    fprintf(out, "    '%s')\n        options+=\"", v->name);
    for (size_t i = 0; i < ctl_option_count; i++)
        if (!ctl_option_table[i].help && ctl_verb_knows(v, ctl_option_table[i].name))
            fprintf(out, " %s", ctl_option_table[i].name);
    fputs("\"\n        [[ $cur == -* ]] || { ", out);
    if (word[0] && v->most > 0)
        completion_values(out, word);
    else
        fputs(":", out);
    fputs("; return; } ;;\n", out);
}

static void completion_lists(FILE *out)
{
    fputs("    local verbs=\"", out);
    for (size_t i = 0; i < ctl_verb_count; i++) {
        const char *name = ctl_verbs[i].name;
        size_t len = strcspn(name, " ");
        bool again = i > 0 && strncmp(ctl_verbs[i - 1].name, name, len) == 0 &&
                     strchr(" ", ctl_verbs[i - 1].name[len]); // a pair's first word once
        if (ctl_verbs[i].group != CTL_HIDDEN && !again)
            fprintf(out, "%s%.*s", i ? " " : "", (int)len, name);
    }
    fputs("\"\n    local options=\"--version", out);
    for (size_t i = 0; i < ctl_option_count; i++)
        if (ctl_option_table[i].help)
            fprintf(out, " %s", ctl_option_table[i].name);
    fputs("\" valued=\"", out);
    for (size_t i = 0; i < ctl_option_count; i++)
        if (ctl_option_table[i].kind != CTL_FLAG)
            fprintf(out, " %s", ctl_option_table[i].name);
    fputs(" \" pairs='|", out);
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (strchr(ctl_verbs[i].name, ' '))
            fprintf(out, "%s|", ctl_verbs[i].name);
    fputs("'\n", out);
}

// Second words of pairs, so that "release" becomes "release request".
static void completion_pairs(FILE *out)
{
    fputs("    case \"$verb\" in\n", out);
    for (size_t i = 0; i < ctl_verb_count; i++) {
        const char *space = strchr(ctl_verbs[i].name, ' ');
        int len = space ? (int)(space - ctl_verbs[i].name) : 0;
        if (!space || (i > 0 && strncmp(ctl_verbs[i - 1].name, ctl_verbs[i].name, (size_t)len + 1) == 0))
            continue;
        fprintf(out, "    %.*s) seconds='", len, ctl_verbs[i].name);
        for (size_t k = i; k < ctl_verb_count; k++)
            if (strncmp(ctl_verbs[k].name, ctl_verbs[i].name, (size_t)len + 1) == 0)
                fprintf(out, "%s%s", k > i ? " " : "", strchr(ctl_verbs[k].name, ' ') + 1);
        fputs("' ;;\n", out);
    }
    fputs("    esac\n", out);
}

static const char COMPLETION_HEAD[] =
    "# SPDX-License-Identifier: Apache-2.0\n"
    "# SPDX-FileCopyrightText: the paperguard authors\n"
    "#\n"
    "# bash completion for paperguard, made by `make docs` from the tables in daemon/ctl; change them, not this file.\n"
    "# shellcheck shell=bash disable=SC2207\n"
    "_paperguard_ask() {\n"
    "    COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" \"${reach[@]}\" complete \"$1\" 2>/dev/null)\" -- "
    "\"$cur\"))\n"
    "}\n\n"
    "_paperguard() {\n"
    "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD - 1]}\" verb='' seconds='' i\n"
    "    local reach=()\n"
    "    COMPREPLY=()\n";

static const char COMPLETION_WALK[] =
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case \"${COMP_WORDS[i]}\" in\n"
    "        --config | --socket | --instance) reach+=(\"${COMP_WORDS[i]}\" \"${COMP_WORDS[++i]}\") ;;\n"
    "        -*) [[ $valued == *\" ${COMP_WORDS[i]} \"* ]] && ((i++)) ;;\n"
    "        *) if [[ -z $verb ]]; then\n"
    "            verb=\"${COMP_WORDS[i]}\"\n"
    "        elif [[ $pairs == *\"|$verb ${COMP_WORDS[i]}|\"* ]]; then\n"
    "            verb=\"$verb ${COMP_WORDS[i]}\"\n"
    "        fi ;;\n"
    "        esac\n"
    "    done\n";

static const char COMPLETION_CHOOSE[] = "    if [[ -z $verb && $cur != -* ]]; then\n"
                                        "        COMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
                                        "        return\n"
                                        "    fi\n";

static const char COMPLETION_SECOND[] = "    if [[ -n $seconds && $cur != -* ]]; then\n"
                                        "        COMPREPLY=($(compgen -W \"$seconds\" -- \"$cur\"))\n"
                                        "        [[ ${#COMPREPLY[@]} -gt 0 ]] && return\n"
                                        "    fi\n"
                                        "    case \"$verb\" in\n";

void ctl_completion(FILE *out)
{
    fputs(COMPLETION_HEAD, out);
    completion_lists(out);
    fputs(COMPLETION_WALK, out);
    completion_options(out);
    fputs(COMPLETION_CHOOSE, out);
    completion_pairs(out);
    fputs(COMPLETION_SECOND, out);
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (ctl_verbs[i].group != CTL_HIDDEN)
            completion_verb(out, &ctl_verbs[i]);
    fputs("    esac\n    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n}\ncomplete -F _paperguard paperguard\n",
          out);
}
