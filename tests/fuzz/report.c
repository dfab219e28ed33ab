/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report that a child leaves at its end.
 */

#include "fuzz.h"

#include "bootstrap.h"

/* Long words are cut when they are sent. */
static void assert_same_words(const char *words, const char *others)
{
    if (strlen(words) < MPROC__REPORT_MAX)
        assert_string_equal(words, others);
    else
        assert_memory_equal(words, others, MPROC__REPORT_MAX - 1);
}

static void send_again(const mproc__report_t *report, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc__report_t other;

    assert_success(mproc__report_encode(&values->buffer, report));
    assert_success(mproc__report_decode(&other, values));
    assert_int_equal(report->outcome, other.outcome);
    assert_int_equal(report->status, other.status);
    assert_same_words(report->words, other.words);
}

void try_decoder(const unsigned char *bytes, size_t size, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc__report_t report = {MPROC__RETURNED, 77, NULL};
    apr_status_t rv;

    fill(values, bytes, size);
    rv = mproc__report_decode(&report, values);
    if (rv == APR_SUCCESS) {
        send_again(&report, mem);
        return;
    }
    assert_refused(rv);
    assert_true(report.status == 77 && report.words == NULL);
}
