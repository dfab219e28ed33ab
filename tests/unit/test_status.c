/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Texts of statuses, and the thread's last message.
 */

#include "unit.h"

#include <apr_thread_proc.h>

#include <limits.h>

#define FIRST MPROC_EBOOTSTRAP
#define LAST MPROC_EBROKEN

/* As the manual says: so many bytes hold every text of mproc's. */
#define TEXT_SIZE 120

static const char *text_of(apr_status_t rv)
{
    static char text[TEXT_SIZE];

    return mproc_strerror(rv, text, sizeof text);
}

/* What APR says of a status of its users. */
static int is_aprs(const char *text)
{
    char unknown[TEXT_SIZE];

    apr_strerror(FIRST, unknown, sizeof unknown);
    return strcmp(text, unknown) == 0;
}

static void every_status_has_a_text_of_its_own(void **state)
{
    apr_status_t rv;

    (void)state;
    for (rv = FIRST; rv <= LAST; rv++) {
        assert_false(is_aprs(text_of(rv)));
        assert_null(strstr(text_of(rv), "does not understand"));
        assert_true(strlen(text_of(rv)) > 10);
    }
}

static void texts_differ(void **state)
{
    char text[TEXT_SIZE];
    apr_status_t one, other;

    (void)state;
    for (one = FIRST; one <= LAST; one++)
        for (other = one + 1; other <= LAST; other++)
            assert_string_not_equal(mproc_strerror(one, text, sizeof text), text_of(other));
}

static void texts_fit_in_120_bytes(void **state)
{
    char text[4 * TEXT_SIZE];
    apr_status_t rv;

    (void)state;
    for (rv = FIRST; rv <= LAST; rv++)
        assert_true(strlen(mproc_strerror(rv, text, sizeof text)) < TEXT_SIZE);
}

static void apr_speaks_for_its_own(void **state)
{
    static const apr_status_t statuses[] = {APR_SUCCESS, APR_EINVAL, APR_TIMEUP, APR_EOF,
                                            APR_ENOTIMPL};
    char text[TEXT_SIZE];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        assert_string_equal(text_of(statuses[i]), apr_strerror(statuses[i], text, sizeof text));
}

static void apr_speaks_for_what_lies_beside_our_range(void **state)
{
    (void)state;
    assert_true(is_aprs(text_of(MPROC_STATUS_START)));
    assert_true(is_aprs(text_of(LAST + 1)));
    assert_true(is_aprs(text_of(MPROC_STATUS_START - 1)));
}

static void any_number_has_some_text(void **state)
{
    (void)state;
    assert_non_null(text_of(INT_MIN));
    assert_non_null(text_of(INT_MAX));
    assert_non_null(text_of(-1));
}

static void a_text_is_cut_to_its_buffer(void **state)
{
    char text[8] = "xxxxxxx";

    (void)state;
    assert_ptr_equal(mproc_strerror(MPROC_ETYPE, text, 5), text);
    assert_int_equal(strlen(text), 4);
    assert_int_equal(text[5], 'x');
    mproc_strerror(MPROC_ETYPE, text, 0);
    assert_int_equal(strlen(text), 4);
}

/* -- Messages -------------------------------------------------------------------------------- */

static void setting_a_message_returns_the_status(void **state)
{
    (void)state;
    assert_int_equal(mproc_error_set(MPROC_ETYPE, "value %d of %s", 3, "five"), MPROC_ETYPE);
    assert_string_equal(mproc_error_message(), "value 3 of five");
}

static void a_message_may_be_part_of_the_next(void **state)
{
    (void)state;
    mproc_error_set(APR_EINVAL, "inner");
    mproc_error_set(APR_EINVAL, "outer: %s", mproc_error_message());
    assert_string_equal(mproc_error_message(), "outer: inner");
}

static void a_long_message_that_holds_itself_is_cut(void **state)
{
    int i;

    (void)state;
    mproc_error_set(APR_EINVAL, "0123456789");
    for (i = 0; i < 10; i++)
        mproc_error_set(APR_EINVAL, "%s%s", mproc_error_message(), mproc_error_message());
    assert_int_equal(strlen(mproc_error_message()), 1023);
}

static void a_long_message_is_cut_at_1023_bytes(void **state)
{
    char words[3000];

    (void)state;
    memset(words, 'w', sizeof words);
    words[sizeof words - 1] = '\0';
    mproc_error_set(APR_EINVAL, "%s", words);
    assert_int_equal(strlen(mproc_error_message()), 1023);
    assert_memory_equal(mproc_error_message(), words, 1023);
}

static void a_success_leaves_the_message(void **state)
{
    int variable;

    mproc_error_set(APR_EINVAL, "as it was");
    assert_success(MPROC_UNPACK(travel(MPROC_PACK(1), *state), &variable));
    assert_string_equal(mproc_error_message(), "as it was");
}

typedef struct speaker_t {
    char before[64];
    char after[64];
} speaker_t;

static void *APR_THREAD_FUNC speak(apr_thread_t *thread, void *data)
{
    speaker_t *speaker = data;

    apr_cpystrn(speaker->before, mproc_error_message(), sizeof speaker->before);
    mproc_error_set(APR_EINVAL, "the thread's");
    apr_cpystrn(speaker->after, mproc_error_message(), sizeof speaker->after);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void each_thread_has_its_own_message(void **state)
{
    speaker_t speaker = {"", ""};
    apr_thread_t *thread;
    apr_status_t rv;

    mproc_error_set(APR_EINVAL, "the program's");
    assert_success(apr_thread_create(&thread, NULL, speak, &speaker, *state));
    assert_success(apr_thread_join(&rv, thread));
    assert_string_equal(speaker.before, "");
    assert_string_equal(speaker.after, "the thread's");
    assert_string_equal(mproc_error_message(), "the program's");
}

static apr_status_t try_twice(apr_status_t first, int *reached)
{
    MPROC_TRY(first);
    *reached = 1;
    MPROC_TRY(APR_SUCCESS);
    return APR_EOF;
}

static void trying_hands_a_failure_up_unchanged(void **state)
{
    int reached = 0;

    (void)state;
    assert_int_equal(try_twice(MPROC_ETORN, &reached), MPROC_ETORN);
    assert_false(reached);
    assert_int_equal(try_twice(APR_SUCCESS, &reached), APR_EOF);
    assert_true(reached);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(every_status_has_a_text_of_its_own),
        claim(texts_differ),
        claim(texts_fit_in_120_bytes),
        claim(apr_speaks_for_its_own),
        claim(apr_speaks_for_what_lies_beside_our_range),
        claim(any_number_has_some_text),
        claim(a_text_is_cut_to_its_buffer),
        claim(setting_a_message_returns_the_status),
        claim(a_message_may_be_part_of_the_next),
        claim(a_long_message_that_holds_itself_is_cut),
        claim(a_long_message_is_cut_at_1023_bytes),
        claim(a_success_leaves_the_message),
        claim(each_thread_has_its_own_message),
        claim(trying_hands_a_failure_up_unchanged),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
