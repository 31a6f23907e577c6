// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Help and the manual page, made from the tables of verbs, options and exit codes.
#include <ctype.h>
#include <string.h>

#include "daemon/ctl/ctl.h"

#define WIDTH 100

static const char *const GROUPS[CTL_GROUP_COUNT] = {"Verbs that look", "Verbs that act", "Verbs that set up"};

// Text in lines of bounded width.
static void wrapped(FILE *out, const char *text, int indent)
{
    int column = 0;
    for (const char *p = text; *p;) {
        int len = (int)strcspn(p, " ");
        if (column && column + 1 + len > WIDTH - indent) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%*s%.*s", column ? 1 : indent, "", len, p) - (column ? 0 : indent);
        p += len + (p[len] == ' ');
    }
    fputc('\n', out);
}

void ctl_help_verb(FILE *out, const struct ctl_verb *v)
{
    fprintf(out, "usage: paperguard %s%s%s\n", v->name, v->arguments[0] ? " " : "", v->arguments);
    wrapped(out, v->help, 7);
    if (v->more[0])
        wrapped(out, v->more, 7);
}

void ctl_help(FILE *out)
{
    fprintf(out, "usage: paperguard [OPTION...] VERB [ARGUMENT...]\n");
    for (int g = 0; g < CTL_GROUP_COUNT; g++) {
        fprintf(out, "\n%s:\n", GROUPS[g]);
        for (size_t i = 0; i < ctl_verb_count; i++) {
            const struct ctl_verb *v = &ctl_verbs[i];
            if ((int)v->group != g)
                continue;
            fprintf(out, "  %s%s%s\n", v->name, v->arguments[0] ? " " : "", v->arguments);
            wrapped(out, v->help, 8);
        }
    }
    fprintf(out, "\noptions:\n");
    for (size_t i = 0; i < ctl_option_count; i++)
        if (ctl_option_table[i].help)
            fprintf(out, "  %-10s %-5s %s\n", ctl_option_table[i].name, ctl_option_table[i].argument,
                    ctl_option_table[i].help);
    fprintf(out, "  %-10s %-5s version and commit\n\nexit codes:\n", "--version", "");
    for (size_t i = 0; i < ctl_exit_count; i++)
        fprintf(out, "  %-3d %s\n", ctl_exits[i].code, ctl_exits[i].text);
}

// --- manual

static void mdoc_text(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (p == text && (*p == '.' || *p == '\''))
            fputs("\\&", out);
        if (*p == '\\')
            fputs("\\e", out);
        else if (p[0] == '-' && p[1] == '-')
            fputs("\\-", out);
        else
            fputc(*p, out);
        // a sentence ends its line, as pages are written
        if (strchr(".;:", *p) && p[1] == ' ' && *p == '.' && isupper((unsigned char)p[2])) {
            fputc('\n', out);
            p++;
        }
    }
    fputs(text[0] && text[strlen(text) - 1] != '.' ? ".\n" : "\n", out);
}

static void lower(FILE *out, const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++)
        fputc(tolower((unsigned char)word[i]), out);
}

// "[--run RUN] [CODE...]" as macros of one line.
static void mdoc_arguments(FILE *out, const char *a)
{
    while (*a) {
        size_t len = strcspn(a, " []|.");
        if (*a == '[')
            fputs(" Oo", out);
        else if (*a == ']')
            fputs(" Oc", out);
        else if (*a == '|')
            fputs(" |", out);
        else if (str_starts(a, "...")) {
            fputs(" ...", out);
            len = 3;
        } else if (str_starts(a, "--")) {
            fprintf(out, " Fl Fl %.*s", (int)len - 2, a + 2);
        } else if (len) {
            fputs(isupper((unsigned char)*a) ? " Ar " : " Cm ", out);
            lower(out, a, len);
        }
        a += len ? len : 1;
    }
}

static void manual_verbs(FILE *out)
{
    for (int g = 0; g < CTL_GROUP_COUNT; g++) {
        fprintf(out, ".Ss %s\n.Bl -tag -width Ds\n", GROUPS[g]);
        for (size_t i = 0; i < ctl_verb_count; i++) {
            const struct ctl_verb *v = &ctl_verbs[i];
            if ((int)v->group != g)
                continue;
            fprintf(out, ".It Cm %s", v->name);
            mdoc_arguments(out, v->arguments);
            fprintf(out, "\n%c", toupper((unsigned char)v->help[0]));
            mdoc_text(out, v->help + 1);
            if (v->more[0]) {
                fputs(".Pp\n", out);
                mdoc_text(out, v->more);
            }
        }
        fputs(".El\n", out);
    }
}

static void manual_options(FILE *out)
{
    fputs(".Pp\nOptions may stand before or behind the verb:\n.Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < ctl_option_count; i++) {
        const struct ctl_option *o = &ctl_option_table[i];
        if (!o->help)
            continue;
        fprintf(out, ".It Fl Fl %s", o->name + 2);
        mdoc_arguments(out, o->argument);
        fprintf(out, "\n%c", toupper((unsigned char)o->help[0]));
        mdoc_text(out, o->help + 1);
        if (o->more) {
            fputs(".Pp\n", out);
            mdoc_text(out, o->more);
        }
    }
    fputs(".It Fl Fl version\nVersion and commit.\n.El\n", out);
}

static const char HEAD[] =
    ".\\\" SPDX-License-Identifier: Apache-2.0\n"
    ".\\\" SPDX-FileCopyrightText: the paperguard authors\n"
    ".\\\" Made by `make docs` from the tables in daemon/ctl; change them, not this page.\n"
    ".Dd November 21, 2026\n.Dt PAPERGUARD 1\n.Os\n"
    ".Sh NAME\n.Nm paperguard\n.Nd look at and command the trading guard daemon\n"
    ".Sh SYNOPSIS\n.Nm\n.Op Ar option ...\n.Ar verb\n.Op Ar argument ...\n.Nm\n.Op Ar verb\n.Fl Fl help\n.Nm\n"
    ".Fl Fl version\n"
    ".Sh DESCRIPTION\n.Nm\ntalks to\n.Xr paperguardd 8\nover its admin socket.\n"
    "Whoever may open the socket may command the daemon: the daemon's user, members\nof its group and root.\n";

static const char TAIL[] =
    ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
    ".It Ev COLUMNS\nWidth that tables on a terminal keep to, instead of the terminal's own.\n"
    ".It Ev NO_COLOR\nWhen set and not empty, no colour is used; into a pipe or file none is anyway.\n"
    ".It Ev GITHUB_ACTIONS\nWhen\n.Ql true ,\n.Cm check\nof a file annotates what does not pass.\n.El\n"
    ".Sh EXAMPLES\nStart a run and see what became of it:\n"
    ".Dl paperguard run --wait && paperguard orders --limit 10\n"
    ".Pp\nStop orders, and release them after a look:\n.Bd -literal -offset indent\n"
    "paperguard halt prices look odd\npaperguard release request prices were checked\n"
    "paperguard release confirm 3f1c0a9be2d47586\n.Ed\n"
    ".Pp\nA service check for monitoring:\n.Dl paperguard status --nagios\n"
    ".Sh SEE ALSO\n.Xr paperguard.conf 5 ,\n.Xr paperguardd 8\n";

void ctl_manual(FILE *out)
{
    fputs(HEAD, out);
    manual_options(out);
    manual_verbs(out);
    fputs(".Sh REASON CODES\n", out);
    ctl_codes_manual(out);
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < ctl_exit_count; i++)
        fprintf(out, ".It %d\n%s\n", ctl_exits[i].code, ctl_exits[i].text);
    fputs(".El\n", out);
    fputs(TAIL, out);
}
