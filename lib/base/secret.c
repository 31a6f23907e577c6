// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A head in front of the bytes tells how many pages there are; the pages hold nothing else.
#include "lib/base/secret.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/text.h"

#define ELLIPSIS "\u2026"
#define FORM_MAX 4096

struct head {
    size_t mapped;
    bool locked;
};

static struct head *head_of(const char *secret)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    return (struct head *)((uintptr_t)secret & ~(page - 1));
}

char *secret_keep(const char *value)
{
    if (value == NULL)
        return NULL;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), len = strlen(value) + 1;
    size_t mapped = (sizeof(struct head) + len + page - 1) / page * page;
    void *at = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    struct head *h = at;
    bool hidden = madvise(at, mapped, MADV_DONTDUMP) == 0 && madvise(at, mapped, MADV_WIPEONFORK) == 0;
    CHECK(hidden); // both are older than any kernel this runs on
    h->mapped = mapped;
    h->locked = mlock(at, mapped) == 0;
    memcpy(h + 1, value, len);
    return (char *)(h + 1);
}

void secret_drop(char *secret)
{
    if (secret == NULL)
        return;
    struct head *h = head_of(secret);
    size_t mapped = h->mapped;
    mem_wipe(h, mapped);
    CHECK(munmap(h, mapped) == 0); // unlocks too
}

bool secret_locked(const char *secret)
{
    return secret == NULL || head_of(secret)->locked;
}

// --- masking

static void form_hex(struct text *out, const char *s)
{
    for (; *s; s++)
        text_addf(out, "%02x", (unsigned)(unsigned char)*s);
}

static void form_percent(struct text *out, const char *s)
{
    for (; *s; s++)
        if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-._~", *s))
            text_addc(out, *s);
        else
            text_addf(out, "%%%02X", (unsigned)(unsigned char)*s);
}

// As it stands in the base64 of a text in which `before` bytes (of three) come before it; only what it alone decides.
static void form_base64(struct text *out, const char *s, size_t before)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(s);
    for (size_t bit = (before * 8 + 5) / 6 * 6; bit + 6 <= (before + len) * 8; bit += 6) {
        unsigned value = 0;
        for (size_t i = bit; i < bit + 6; i++)
            value = value << 1 | ((unsigned)(unsigned char)s[i / 8 - before] >> (7 - i % 8) & 1);
        text_addc(out, digits[value]);
    }
}

static bool shares(const char *word, size_t len, const char *form, size_t form_len)
{
    size_t window = form_len < SECRET_WINDOW ? form_len : SECRET_WINDOW;
    for (size_t i = 0; window > 0 && i + window <= len; i++)
        for (size_t j = 0; j + window <= form_len; j++)
            if (strncasecmp(word + i, form + j, window) == 0)
                return true;
    return false;
}

static void mask_form(char *text, const char *form, size_t form_len)
{
    static const char ends[] = " \t\r\n\"'";
    for (char *word = text; *word; word += strspn(word, ends)) {
        size_t len = strcspn(word, ends);
        if (!shares(word, len, form, form_len)) {
            word += len;
            continue;
        }
        size_t dots = strlen(ELLIPSIS) < len ? strlen(ELLIPSIS) : len;
        memcpy(word, ELLIPSIS, dots);
        memmove(word + dots, word + len, strlen(word + len) + 1);
        word += dots;
    }
}

void secret_mask(char *text, const char *secret)
{
    struct text form;
    if (secret == NULL || secret[0] == '\0' || text[0] == '\0')
        return;
    text_init(&form, FORM_MAX);
    mask_form(text, secret, strlen(secret));
    form_hex(&form, secret);
    mask_form(text, text_str(&form), form.len);
    text_clear(&form);
    form_percent(&form, secret);
    mask_form(text, text_str(&form), form.len);
    for (size_t before = 0; before < 3; before++) {
        text_clear(&form);
        form_base64(&form, secret, before);
        mask_form(text, text_str(&form), form.len);
    }
    text_wipe_free(&form);
}
