// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The chain of decisions recomputed: a whole one passes, and what was done to one is named with its first row.
//
// needs: daemon/audit.o daemon/audit_judge.o
#include "daemon/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_read.h"
#include "lib/base/text.h"

#define ROWS 200
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

struct row {
    struct audit_row r;
    char key[24], detail[40], at[32], rule[DIGEST_HEX_MAX], subject[24], hash[DIGEST_HEX_MAX];
};
static struct row rows[ROWS + 1];
static size_t count;
static int64_t head_seq;
static char head[DIGEST_HEX_MAX];
static struct audit *a;
static struct audit_chain found;

static struct row made(int64_t seq, const char *before)
{
    struct row w = {.r = {.host = "h1", .instance = "default", .seq = seq, .kind = "risk", .answer = "denied"}};
    snprintf(w.key, sizeof w.key, "k-%lld", (long long)seq);
    snprintf(w.detail, sizeof w.detail, "row \"%lld\"\n\\ \x01\t\xc3\xa9", (long long)seq);
    snprintf(w.at, sizeof w.at, "2026-11-%02lldT10:00:00.5Z", (long long)seq / 10 + 1);
    snprintf(w.subject, sizeof w.subject, "pg1-%lld", (long long)seq);
    str_copy_cut(w.rule, sizeof w.rule, "fat_finger");
    str_copy_cut(w.hash, sizeof w.hash, before);
    return w;
}

// The texts move with the struct.
static struct audit_row seen(struct row *w)
{
    struct audit_row r = w->r;
    r.key = w->key;
    r.detail = w->detail;
    r.at = w->at;
    r.subject = w->subject;
    r.rule = w->rule;
    r.hash = w->hash;
    return r;
}

static void sign(struct row *w, const char *before)
{
    struct audit_row r = seen(w);
    char hash[DIGEST_HEX_MAX];
    str_copy_cut(w->hash, sizeof w->hash, audit_hash(before, &r, hash));
}

static void write_chain(size_t n)
{
    count = n;
    for (size_t i = 0; i < n; i++) {
        rows[i] = made((int64_t)i + 1, "");
        sign(&rows[i], i ? rows[i - 1].hash : ZERO);
    }
    head_seq = (int64_t)n;
    str_copy_cut(head, sizeof head, rows[n - 1].hash);
}

static void add_all(void)
{
    for (size_t i = 0; i < count; i++) {
        struct audit_row r = seen(&rows[i]);
        audit_add(a, &r);
    }
}

static bool walk(void)
{
    audit_free(a);
    a = audit_new();
    add_all();
    audit_head(a, "h1", "default", head_seq, head);
    bool whole = audit_end(a);
    assert_int_equal(audit_chains(a), 1);
    audit_chain(a, 0, &found);
    assert_int_equal(whole, found.fault == AUDIT_WHOLE);
    return whole;
}

static void assert_broken(enum audit_fault fault, int64_t seq)
{
    assert_false(walk());
    if (found.fault != fault || found.broken != seq)
        fail_msg("found %s at %lld (%s), expected %s at %lld", audit_fault_name(found.fault), (long long)found.broken,
                 found.detail, audit_fault_name(fault), (long long)seq);
    assert_true(found.detail[0] != '\0');
}

static void drop(size_t from, size_t n)
{
    memmove(&rows[from], &rows[from + n], (count - from - n) * sizeof *rows);
    count -= n;
}

static void number_anew(void)
{
    for (size_t i = 0; i < count; i++)
        rows[i].r.seq = (int64_t)i + 1;
}

// By hand: SHA-256 over the array as Postgres writes it.
static void a_hash_is_that_of_its_words(void **state)
{
    (void)state;
    struct audit_row r = {.host = "h",
                          .instance = "i\"",
                          .seq = 7,
                          .key = "k",
                          .kind = "g",
                          .subject = "\\\b\f\n\r\t",
                          .answer = "\x1f\x7f/",
                          .rule = "",
                          .detail = "\xc3\xa9 ~",
                          .at = "2026-11-21T00:00:00Z"};
    static const char text[] =
        "[\"x\", \"h\", \"i\\\"\", 7, \"k\", \"g\", \"\\\\\\b\\f\\n\\r\\t\", \"\\u001f\x7f/\", \"\", "
        "\"\xc3\xa9 ~\", \"2026-11-21T00:00:00Z\"]";
    char hash[DIGEST_HEX_MAX], expected[DIGEST_HEX_MAX];
    struct digest d = digest_of(text, sizeof text - 1);
    assert_string_equal(audit_hash("x", &r, hash), digest_hex(&d, expected));
}

static void a_whole_chain_passes(void **state)
{
    (void)state;
    for (size_t n = 1; n <= ROWS; n += 66) {
        write_chain(n);
        assert_true(walk());
        assert_int_equal(found.first, 1);
        assert_int_equal(found.last, n);
        assert_int_equal(found.rows, n);
        assert_string_equal(found.head, head);
    }
}

static void a_changed_row_is_named(void **state)
{
    (void)state;
    const size_t at[] = {0, 1, 99, ROWS - 1};
    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        write_chain(ROWS);
        rows[at[i]].detail[0] = 'R';
        assert_broken(AUDIT_CHANGED, (int64_t)at[i] + 1);
    }
    // Each word counts, and the hash itself.
    write_chain(ROWS);
    rows[9].r.answer = "allowed";
    assert_broken(AUDIT_CHANGED, 10);
    write_chain(ROWS);
    rows[9].at[0] = '3';
    assert_broken(AUDIT_CHANGED, 10);
    write_chain(ROWS);
    rows[9].hash[0] = rows[9].hash[0] == '0' ? '1' : '0';
    assert_broken(AUDIT_CHANGED, 10);
    // One whose hash was made anew: what follows does not follow from it.
    write_chain(ROWS);
    rows[9].detail[0] = 'R';
    sign(&rows[9], rows[8].hash);
    assert_broken(AUDIT_CHANGED, 11);
}

static void a_removed_row_is_named(void **state)
{
    (void)state;
    write_chain(ROWS);
    drop(49, 3);
    assert_broken(AUDIT_REMOVED, 50);
    number_anew();
    head_seq = (int64_t)count;
    assert_broken(AUDIT_REMOVED, 50);
    write_chain(ROWS);
    drop(ROWS - 2, 2); // of the end
    assert_broken(AUDIT_REMOVED, ROWS - 1);
    write_chain(ROWS);
    drop(0, 5); // of the beginning, and no checkpoint
    assert_broken(AUDIT_REMOVED, 1);
    write_chain(ROWS);
    count = 0;
    assert_broken(AUDIT_REMOVED, 1);
    write_chain(ROWS); // a gap over which the hashes were made anew
    drop(49, 3);
    for (size_t i = 49; i < count; i++)
        sign(&rows[i], rows[i - 1].hash);
    str_copy_cut(head, sizeof head, rows[count - 1].hash);
    assert_broken(AUDIT_REMOVED, 50);
}

static void an_inserted_row_is_named(void **state)
{
    (void)state;
    for (int forged = 0; forged < 2; forged++) {
        write_chain(ROWS);
        memmove(&rows[30], &rows[29], (count - 29) * sizeof *rows);
        count++;
        rows[29] = made(77777, ZERO);
        number_anew();
        head_seq = (int64_t)count;
        if (forged) // with a hash that fits
            sign(&rows[29], rows[28].hash);
        assert_broken(AUDIT_INSERTED, 30);
    }
    write_chain(ROWS); // the same twice
    rows[count++] = rows[50];
    assert_broken(AUDIT_INSERTED, 51);
    write_chain(ROWS); // behind the head
    head_seq = ROWS - 1;
    str_copy_cut(head, sizeof head, rows[ROWS - 2].hash);
    assert_broken(AUDIT_INSERTED, ROWS);
}

static void move(size_t from, size_t to)
{
    struct row w = rows[from];
    drop(from, 1);
    memmove(&rows[to + 1], &rows[to], (count - to) * sizeof *rows);
    rows[to] = w;
    count++;
}

static void reordered_rows_are_named(void **state)
{
    (void)state;
    const size_t from_to[][2] = {{60, 61}, {61, 60}, {60, 75}, {75, 60}, {0, 1}};
    for (size_t i = 0; i < ARRAY_LEN(from_to); i++) {
        size_t first = from_to[i][0] < from_to[i][1] ? from_to[i][0] : from_to[i][1];
        write_chain(ROWS);
        move(from_to[i][0], from_to[i][1]);
        assert_broken(AUDIT_REORDERED, (int64_t)first + 1); // as lines of a file
        number_anew();
        assert_broken(AUDIT_REORDERED, (int64_t)first + 1); // with numbers that hide it
    }
}

static void the_head_is_the_end(void **state)
{
    (void)state;
    write_chain(ROWS);
    str_copy_cut(head, sizeof head, rows[3].hash);
    assert_broken(AUDIT_HEAD, ROWS);
    write_chain(ROWS);
    audit_free(a);
    a = audit_new();
    add_all();
    assert_false(audit_end(a)); // a dump that was cut off
    audit_chain(a, 0, &found);
    assert_int_equal(found.fault, AUDIT_HEAD);
}

static bool walk_with(const char *hash)
{
    struct err err;
    audit_free(a);
    a = audit_new();
    assert_int_equal(audit_expect(a, hash, 0, &err), 0);
    add_all();
    audit_head(a, "h1", "default", head_seq, head);
    return audit_end(a);
}

// Whoever writes a whole chain anew is found by a head that was kept elsewhere.
static void a_head_kept_elsewhere_is_asked_for(void **state)
{
    (void)state;
    char kept[DIGEST_HEX_MAX];
    struct err err;
    int64_t seq;
    write_chain(ROWS);
    str_copy_cut(kept, sizeof kept, rows[120].hash);
    assert_true(walk_with(kept));
    rows[100].detail[0] = 'R';
    for (size_t i = 100; i < count; i++)
        sign(&rows[i], rows[i - 1].hash);
    str_copy_cut(head, sizeof head, rows[count - 1].hash);
    assert_true(walk());
    assert_false(walk_with(kept));
    assert_string_equal(audit_missing(a, &seq), kept);
    assert_int_equal(audit_expect(a, "abc", 0, &err), -1);
}

static void checkpoint_in(size_t at, int64_t through, const char *hash)
{
    rows[at].r.kind = AUDIT_KIND;
    rows[at].r.answer = AUDIT_CHECKPOINT;
    snprintf(rows[at].subject, sizeof rows[at].subject, "%lld", (long long)through);
    str_copy_cut(rows[at].rule, sizeof rows[at].rule, hash);
    for (size_t i = at; i < count; i++)
        sign(&rows[i], rows[i - 1].hash);
    str_copy_cut(head, sizeof head, rows[count - 1].hash);
}

static void a_checkpoint_stands_for_what_was_removed(void **state)
{
    (void)state;
    char last[DIGEST_HEX_MAX];
    write_chain(ROWS);
    str_copy_cut(last, sizeof last, rows[39].hash);
    checkpoint_in(150, 40, last);
    drop(0, 40);
    assert_true(walk());
    assert_int_equal(found.first, 41);
    assert_int_equal(found.removed_to, 40);
    assert_true(walk_with(last)); // a head from before is still known
    drop(0, 1);
    assert_broken(AUDIT_REMOVED, 1);
    for (int other = 0; other < 2; other++) { // nothing else stands for it
        write_chain(ROWS);
        str_copy_cut(last, sizeof last, rows[39].hash);
        checkpoint_in(150, 40, last);
        rows[150].r.kind = other ? AUDIT_KIND : "operator";
        rows[150].r.answer = other ? "placed" : AUDIT_CHECKPOINT;
        for (size_t i = 150; i < count; i++)
            sign(&rows[i], rows[i - 1].hash);
        str_copy_cut(head, sizeof head, rows[count - 1].hash);
        drop(0, 40);
        assert_broken(AUDIT_REMOVED, 1);
    }
    write_chain(ROWS);
    str_copy_cut(last, sizeof last, rows[39].hash);
    checkpoint_in(150, 40, rows[38].hash);
    drop(0, 40);
    assert_broken(AUDIT_CHANGED, 41);
}

static void days_alone_are_walked(void **state)
{
    (void)state;
    write_chain(ROWS);
    rows[20].detail[0] = 'R';  // day 3
    rows[100].detail[0] = 'R'; // day 11
    const struct {
        const char *from, *to;
        bool whole;
        int64_t rows;
    } cases[] = {{"2026-11-05", "2026-11-07", true, 30},
                 {"2026-11-05", NULL, false, 161},
                 {NULL, "2026-11-02", true, 19},
                 {"2026-11-03", "2026-11-03", false, 10},
                 {"2027-01-01", NULL, true, 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        audit_free(a);
        a = audit_new();
        audit_between(a, cases[i].from, cases[i].to);
        add_all();
        audit_head(a, "h1", "default", head_seq, head);
        assert_int_equal(audit_end(a), cases[i].whole);
        audit_chain(a, 0, &found);
        assert_int_equal(found.rows, cases[i].rows);
    }
    audit_free(a); // of a database, which gives no other rows
    a = audit_new();
    audit_between(a, "2027-01-01", NULL);
    audit_head(a, "h1", "default", head_seq, head);
    assert_true(audit_end(a));
}

static void take(const char *line, int expected)
{
    struct json_doc *doc;
    struct err err;
    assert_int_equal(json_doc_parse(line, strlen(line), &doc, &err), 0);
    assert_int_equal(audit_add_json(a, json_doc_root(doc), &err), expected);
    json_doc_free(doc);
}

static void lines_of_a_dump(void **state)
{
    (void)state;
    char line[512], hash[DIGEST_HEX_MAX];
    struct audit_row r = {.host = "b",
                          .instance = "i",
                          .seq = 1,
                          .key = "k",
                          .kind = "g",
                          .subject = "s",
                          .answer = "a",
                          .rule = "r",
                          .detail = "d",
                          .at = "2026-11-21T00:00:00Z"};
    audit_free(a);
    a = audit_new();
    snprintf(line, sizeof line,
             "{\"host\":\"b\",\"instance\":\"i\",\"seq\":1,\"decision_key\":\"k\",\"kind\":\"g\",\"subject\":\"s\","
             "\"answer\":\"a\",\"rule\":\"r\",\"detail\":\"d\",\"at\":\"2026-11-21T00:00:00Z\",\"hash\":\"%s\"}",
             audit_hash(ZERO, &r, hash));
    take(line, 0);
    snprintf(line, sizeof line, "{\"head\":{\"host\":\"b\",\"instance\":\"i\",\"seq\":1,\"hash\":\"%s\"}}", hash);
    take(line, 0);
    take("{\"host\":\"b\"}", -1);
    take("{\"head\":1}", -1);
    take("[]", -1);
    assert_true(audit_end(a));
    assert_int_equal(audit_chains(a), 1);
    // Chains are apart, whatever they are called.
    audit_head(a, "b i", "", 0, ZERO);
    audit_head(a, "b", "i ", 0, ZERO);
    assert_int_equal(audit_chains(a), 3);
}

static int end(void **state)
{
    (void)state;
    audit_free(a);
    a = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_is_that_of_its_words),
        cmocka_unit_test(a_whole_chain_passes),
        cmocka_unit_test(a_changed_row_is_named),
        cmocka_unit_test(a_removed_row_is_named),
        cmocka_unit_test(an_inserted_row_is_named),
        cmocka_unit_test(reordered_rows_are_named),
        cmocka_unit_test(the_head_is_the_end),
        cmocka_unit_test(a_head_kept_elsewhere_is_asked_for),
        cmocka_unit_test(a_checkpoint_stands_for_what_was_removed),
        cmocka_unit_test(days_alone_are_walked),
        cmocka_unit_test(lines_of_a_dump),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
