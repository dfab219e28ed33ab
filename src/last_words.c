/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a child has left behind: its report on the control channel, and, where it
 * said nothing, what the system says of its end.
 */

#include "bootstrap.h"
#include "process_object.h"

#include <mproc/status.h>

#include <apr_signal.h>
#include <apr_strings.h>

#include <stdio.h>

static apr_status_t read_exactly(port_channel_t *control, void *bytes, size_t size)
{
    size_t have = 0, received;

    for (; have < size; have += received)
        MPROC_TRY(
            port_channel_read(control, (char *)bytes + have, size - have, PORT_NOW, &received));
    return APR_SUCCESS;
}

/* APR_EOF or APR_TIMEUP when there is none: what is no report is as good as that. */
static apr_status_t read_report(port_channel_t *control, mproc__report_t *report,
                                mproc_values_t *values)
{
    unsigned char size[8];
    apr_uint64_t left;

    MPROC_TRY(read_exactly(control, size, sizeof size));
    left = mproc__get_u64(size);
    if (left > 2 * MPROC__REPORT_MAX)
        return APR_EOF;
    MPROC_TRY(mproc__buffer_append(&values->buffer, size, sizeof size));
    MPROC_TRY(mproc__buffer_reserve(&values->buffer, (size_t)left));
    MPROC_TRY(read_exactly(control, values->buffer.bytes + sizeof size, (size_t)left));
    values->buffer.size += (size_t)left;
    return mproc__report_decode(report, values) == APR_SUCCESS ? APR_SUCCESS : APR_EOF;
}

static const char *who_took_the_code(const mproc_process_t *process)
{
    return process->is_served ? "its exit code was lost with the fork server"
                              : "its exit code was taken by somebody else";
}

static void settle_exited(mproc_process_t *process)
{
    char words[200];

    if (process->how.ending == PORT_EXITED && process->how.code == 0)
        return;
    process->status = process->how.ending == PORT_LOST ? MPROC_ELOST : MPROC_EEXIT;
    if (process->how.ending == PORT_EXITED)
        snprintf(words, sizeof words, "%s called exit(%lld)", process->target,
                 (long long)process->how.code);
    else
        snprintf(words, sizeof words, "%s called exit; %s", process->target,
                 who_took_the_code(process));
    process->words = apr_pstrdup(process->mem, words);
}

/* Codes from 0xC0000000 on are Windows' own, for a crash (NTSTATUS). */
static const char *describe_ending(const mproc_process_t *process, const char *where)
{
    unsigned long long code = (unsigned long long)process->how.code;
    char how[200];

    if (process->how.ending == PORT_SIGNALED)
        snprintf(how, sizeof how, "was ended by signal %llu (%s)", code,
                 apr_signal_description_get((int)code));
    else if (process->how.ending == PORT_LOST)
        snprintf(how, sizeof how, "ended (%s)", who_took_the_code(process));
    else if (code >= 0xC0000000)
        snprintf(how, sizeof how, "crashed with code 0x%llX", code);
    else
        snprintf(how, sizeof how, "left with exit code %llu", code);
    return apr_pstrcat(process->mem, process->name, " ", how, " ", where, NULL);
}

/* Handlers of exit() that came after the report, such as destructors, may still crash. */
static int has_ended_as_reported(const mproc_process_t *process, apr_status_t status)
{
    return process->how.ending == PORT_LOST ||
           (process->how.ending == PORT_EXITED && process->how.code == (status != APR_SUCCESS));
}

static void settle_returned(mproc_process_t *process, const mproc__report_t *report)
{
    char text[200];

    process->status = report->status;
    if (!has_ended_as_reported(process, report->status)) {
        process->status = MPROC_EDIED;
        process->words = describe_ending(process, "after its target had returned");
    } else if (report->status == APR_SUCCESS) {
        process->words = "";
    } else if (report->words[0] != '\0') {
        process->words = apr_pstrdup(process->mem, report->words);
    } else {
        process->words = apr_psprintf(process->mem, "%s returned: %s", process->target,
                                      mproc_strerror(report->status, text, sizeof text));
    }
}

static void settle_died(mproc_process_t *process, int was_ready)
{
    if (!was_ready) {
        process->status = MPROC_EHANDSHAKE;
        process->words = apr_pstrcat(
            process->mem, describe_ending(process, "before it reached its target"),
            process->how.ending == PORT_EXITED ? ": does its executable call mproc_init first?"
                                               : "",
            NULL);
        return;
    }
    process->status = process->how.ending == PORT_LOST ? MPROC_ELOST : MPROC_EDIED;
    process->words = describe_ending(process, "without a word");
}

/* It may have said that all went well, or anything else. */
static void settle_unread(mproc_process_t *process, apr_status_t rv)
{
    char text[120];

    process->status = rv;
    process->words =
        apr_pstrcat(process->mem, "what ", process->name,
                    " had to say was not read: ", mproc_strerror(rv, text, sizeof text), NULL);
}

static void settle_refused(mproc_process_t *process, const mproc__report_t *report)
{
    process->status = report->status;
    process->words = apr_pstrdup(process->mem, report->words);
}

apr_status_t mproc__process_hear_first_word(mproc_process_t *process, port_deadline_t deadline)
{
    size_t received;

    if (process->first_word != 0)
        return APR_SUCCESS;
    return port_channel_read(process->control, &process->first_word, 1, deadline, &received);
}

static void settle_as_reported(mproc_process_t *process, mproc_values_t *values)
{
    mproc__report_t report;
    apr_status_t rv = mproc__process_hear_first_word(process, PORT_NOW);

    if (rv == APR_SUCCESS)
        rv = read_report(process->control, &report, values);
    if (APR_STATUS_IS_EOF(rv) || APR_STATUS_IS_TIMEUP(rv))
        settle_died(process, process->first_word == MPROC__WORD_READY);
    else if (rv != APR_SUCCESS)
        settle_unread(process, rv);
    else if (report.outcome == MPROC__RETURNED)
        settle_returned(process, &report);
    else if (report.outcome == MPROC__EXITED)
        settle_exited(process);
    else
        settle_refused(process, &report);
}

/* In memory for the moment: an ended process may be kept for long, and there may be many. */
void mproc__process_read_last_words(mproc_process_t *process)
{
    apr_pool_t *mem;
    apr_status_t rv = apr_pool_create(&mem, process->mem);

    process->words = "";
    if (rv != APR_SUCCESS) {
        settle_unread(process, rv);
        return;
    }
    settle_as_reported(process, mproc_values_create(mem));
    apr_pool_destroy(mem);
}
