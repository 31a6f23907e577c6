// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Log lines to the journal or to stderr without ever waiting. sd_journal_send is not used: it blocks while journald
// lags, and a guard that stops turning because its log is slow is worse than a counted gap in the log.
#include "lib/io/log_sink.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"

#define ENTRY_MAX (64u * 1024) // one journal entry
#define MESSAGE_MAX 8192u      // bytes of a message, the rest is cut
#define VALUE_MAX 1024u        // bytes of a field's value
#define LINE_MAX_BYTES 4096u   // PIPE_BUF: a line on a pipe arrives whole or not at all
#define SEND_BUFFER (1024 * 1024)

struct log_sink {
    int fd;
    bool journal;
    struct sockaddr_un peer;
    char *identifier;
    struct log_field *fixed;
    size_t fixed_count;
    struct text entry;
    uint64_t dropped, unreported;
};

static struct log_sink *sink_new(int fd, const struct log_field *fixed, size_t count, size_t entry_max)
{
    struct log_sink *s = check_alloc(1, sizeof *s);
    s->fd = fd;
    s->fixed = check_alloc(count + 1, sizeof s->fixed[0]);
    s->fixed_count = count;
    for (size_t i = 0; i < count; i++) {
        s->fixed[i].name = check_strdup(fixed[i].name);
        s->fixed[i].value = fixed[i].value != NULL ? check_strdup(fixed[i].value) : NULL;
    }
    text_init(&s->entry, entry_max);
    return s;
}

struct log_sink *log_sink_journal(const char *socket_path, const char *identifier, const struct log_field *fixed,
                                  size_t count)
{
    struct sockaddr_un peer = {.sun_family = AF_UNIX};
    if (!str_copy(peer.sun_path, sizeof peer.sun_path, socket_path))
        return NULL;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return NULL;
    int size = SEND_BUFFER;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size); // the default works too, for shorter bursts
    struct log_sink *s = sink_new(fd, fixed, count, ENTRY_MAX);
    s->journal = true;
    s->peer = peer;
    s->identifier = check_strdup(identifier);
    return s;
}

struct log_sink *log_sink_lines(int fd, const struct log_field *fixed, size_t count)
{
    return sink_new(fd, fixed, count, LINE_MAX_BYTES - 1);
}

void log_sink_free(struct log_sink *s)
{
    if (s == NULL)
        return;
    if (s->journal)
        close(s->fd);
    for (size_t i = 0; i < s->fixed_count; i++) {
        free((char *)(uintptr_t)s->fixed[i].name);
        free((char *)(uintptr_t)s->fixed[i].value);
    }
    free(s->fixed);
    free(s->identifier);
    text_free(&s->entry);
    free(s);
}

uint64_t log_sink_dropped(const struct log_sink *s)
{
    return s->dropped;
}

// Length of value, at most max, never inside a UTF-8 sequence.
static size_t value_len(const char *value, size_t max)
{
    size_t len = strnlen(value, max + 1);
    if (len <= max)
        return len;
    for (len = max; len > 0 && ((unsigned char)value[len] & 0xc0) == 0x80;)
        len--;
    return len;
}

// ---- the journal's native protocol
// -------------------------------------------------------------------------------------

// "NAME=value\n", or "NAME\n", 64-bit little-endian length, value, "\n" when the value has more than one line.
static void entry_field(struct text *t, const char *name, const char *value, size_t max)
{
    size_t len = value_len(value, max);
    text_add(t, name);
    if (memchr(value, '\n', len) == NULL) {
        text_addc(t, '=');
    } else {
        char size[8];
        for (unsigned i = 0; i < sizeof size; i++)
            size[i] = (char)((uint64_t)len >> (8 * i) & 0xff);
        text_addc(t, '\n');
        text_addn(t, size, sizeof size);
    }
    text_addn(t, value, len);
    text_addc(t, '\n');
}

static void entry_fields(struct text *t, const struct log_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].value != NULL)
            entry_field(t, fields[i].name, fields[i].value, VALUE_MAX);
    }
}

static void entry_build(struct log_sink *s, enum log_level level, const char *message_id, const char *message,
                        const struct log_field *fields, size_t count)
{
    struct text *t = &s->entry;
    text_addf(t, "PRIORITY=%d\n", (int)level);
    entry_field(t, "SYSLOG_IDENTIFIER", s->identifier, VALUE_MAX);
    entry_field(t, "MESSAGE", message, MESSAGE_MAX);
    if (message_id != NULL)
        entry_field(t, "MESSAGE_ID", message_id, VALUE_MAX);
    entry_fields(t, s->fixed, s->fixed_count);
    entry_fields(t, fields, count);
}

// The address goes with every datagram, so a journal that was restarted is found again.
static bool entry_send(struct log_sink *s)
{
    ssize_t n = sendto(s->fd, s->entry.data, s->entry.len, MSG_DONTWAIT | MSG_NOSIGNAL,
                       (const struct sockaddr *)&s->peer, sizeof s->peer);
    return n >= 0;
}

// ---- lines
// -------------------------------------------------------------------------------------------------------------

// Control characters never reach a terminal or break a line in two.
static void line_escaped(struct text *t, const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)value[i];
        if (byte == '\n')
            text_add(t, "\\n");
        else if (byte == '\t')
            text_addc(t, ' ');
        else if (byte < 0x20 || byte == 0x7f)
            text_addf(t, "\\x%02x", byte);
        else
            text_addc(t, (char)byte);
    }
}

static void line_field(struct text *t, const struct log_field *field)
{
    if (field->value == NULL)
        return;
    size_t len = value_len(field->value, VALUE_MAX);
    bool quoted = len == 0 || strpbrk(field->value, " \t\n\"") != NULL;
    text_addf(t, quoted ? " %s=\"" : " %s=", field->name);
    line_escaped(t, field->value, len);
    if (quoted)
        text_addc(t, '"');
}

static void line_build(struct log_sink *s, enum log_level level, const char *message, const struct log_field *fields,
                       size_t count)
{
    struct text *t = &s->entry;
    char when[WHEN_TEXT_MAX];
    text_addf(t, "%s %s ", when_format_ms(clock_wall_ns(), when), log_level_name(level));
    line_escaped(t, message, value_len(message, LINE_MAX_BYTES / 2));
    for (size_t i = 0; i < s->fixed_count; i++)
        line_field(t, &s->fixed[i]);
    for (size_t i = 0; i < count; i++)
        line_field(t, &fields[i]);
}

// A pipe that polls writable takes PIPE_BUF bytes without waiting, so the flags of a descriptor that we share with our
// parent can stay as they are.
static bool line_send(struct log_sink *s)
{
    char line[LINE_MAX_BYTES];
    size_t len = s->entry.len < sizeof line - 1 ? s->entry.len : sizeof line - 1;
    memcpy(line, text_str(&s->entry), len);
    line[len++] = '\n';
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0 || (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
        return false;
    ssize_t n = send(s->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK)
        n = write(s->fd, line, len);
    return n == (ssize_t)len;
}

// ---- both
// --------------------------------------------------------------------------------------------------------------

static bool sink_try(struct log_sink *s, enum log_level level, const char *message_id, const char *message,
                     const struct log_field *fields, size_t count)
{
    text_clear(&s->entry);
    s->entry.overflow = false;
    if (!s->journal) {
        line_build(s, level, message, fields, count);
        return line_send(s);
    }
    entry_build(s, level, message_id, message, fields, count);
    return !s->entry.overflow && entry_send(s);
}

static bool sink_report_gap(struct log_sink *s)
{
    char text[96];
    snprintf(text, sizeof text, "%llu log lines were dropped before this one: the log's reader was behind",
             (unsigned long long)s->unreported);
    if (!sink_try(s, LOG_LEVEL_WARNING, NULL, text, NULL, 0))
        return false;
    s->unreported = 0;
    return true;
}

uint64_t log_sink_behind(struct log_sink *s)
{
    if (s->unreported > 0)
        (void)sink_report_gap(s);
    return s->unreported;
}

void log_sink_write(void *sink, enum log_level level, const char *message_id, const char *message,
                    const struct log_field *fields, size_t count)
{
    struct log_sink *s = sink;
    if ((s->unreported == 0 || sink_report_gap(s)) && sink_try(s, level, message_id, message, fields, count))
        return;
    s->dropped++;
    s->unreported++;
}
