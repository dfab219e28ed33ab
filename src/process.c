/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The process object from outside: waiting, ending, and how it ended.
 *
 * Threads wait on the system's part without the lock, and count as waiters
 * meanwhile; whoever sees the end first settles it under the lock, once, and the
 * last one to leave gives the system's part back.
 */

#include "process_object.h"

#include "bootstrap.h"
#include "children.h"
#include "deadline.h"
#include "program.h"

#include <mproc/status.h>

#include <apr_signal.h>
#include <apr_strings.h>

#include <assert.h>
#include <stdio.h>

/* How long a process that was asked to end is waited for before it is forced. */
#define GRACE apr_time_from_sec(1)

#define ASK 15
#define FORCE 9

apr_status_t mproc__process_create(mproc_process_t **process, mproc__role_t role, apr_pool_t *mem)
{
    mproc_process_t *made = apr_pcalloc(mem, sizeof *made);

    made->role = role;
    made->mem = mem;
    made->owner = port_pid();
    MPROC_TRY(apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, mem));
    *process = made;
    return APR_SUCCESS;
}

static void lock(mproc_process_t *process)
{
    apr_thread_mutex_lock(process->lock);
}

static void unlock(mproc_process_t *process)
{
    apr_thread_mutex_unlock(process->lock);
}

/* -- What a child has left behind --------------------------------------------- */

static apr_status_t read_exactly(port_channel_t *control, void *bytes, size_t size)
{
    size_t have = 0, received;

    for (; have < size; have += received)
        MPROC_TRY(port_channel_read(control, (char *)bytes + have, size - have, PORT_NOW, &received));
    return APR_SUCCESS;
}

static apr_status_t read_report(port_channel_t *control, mproc__report_t *report, mproc_values_t *values)
{
    unsigned char size[8];
    apr_uint64_t left;

    MPROC_TRY(read_exactly(control, size, sizeof size));
    left = mproc__get_u64(size);
    if (left > 2 * MPROC__REPORT_MAX)
        return MPROC_EPROTOCOL;
    MPROC_TRY(mproc__buffer_append(&values->buffer, size, sizeof size));
    MPROC_TRY(mproc__buffer_reserve(&values->buffer, (size_t)left));
    MPROC_TRY(read_exactly(control, values->buffer.bytes + sizeof size, (size_t)left));
    values->buffer.size += (size_t)left;
    return mproc__report_decode(report, values);
}

static void settle_returned(mproc_process_t *process, const mproc__report_t *report)
{
    char text[200];

    process->status = report->status;
    if (report->status == APR_SUCCESS)
        process->words = "";
    else if (report->words[0] != '\0')
        process->words = apr_pstrdup(process->mem, report->words);
    else
        process->words = apr_psprintf(process->mem, "%s returned: %s", process->target,
                                      mproc_strerror(report->status, text, sizeof text));
}

static void settle_exited(mproc_process_t *process)
{
    char words[200];

    if (process->how.ending == PORT_EXITED && process->how.code == 0)
        return;
    process->status = process->how.ending == PORT_LOST ? MPROC_ELOST : MPROC_EEXIT;
    if (process->how.ending == PORT_EXITED)
        snprintf(words, sizeof words, "%s called exit(%lld)", process->target, (long long)process->how.code);
    else
        snprintf(words, sizeof words, "%s called exit; its code was lost", process->target);
    process->words = apr_pstrdup(process->mem, words);
}

/* Codes from 0xC0000000 on are Windows' own, for a crash (NTSTATUS). */
static const char *describe_ending(const mproc_process_t *process, const char *where)
{
    unsigned long long code = (unsigned long long)process->how.code;
    char how[200];

    if (process->how.ending == PORT_SIGNALED)
        snprintf(how, sizeof how, "was ended by signal %llu (%s)", code, apr_signal_description_get((int)code));
    else if (process->how.ending == PORT_LOST)
        snprintf(how, sizeof how, "ended (its exit code was taken by somebody else)");
    else if (code >= 0xC0000000)
        snprintf(how, sizeof how, "crashed with code 0x%llX", code);
    else
        snprintf(how, sizeof how, "left with exit code %llu", code);
    return apr_pstrcat(process->mem, process->name, " ", how, " ", where, NULL);
}

static void settle_died(mproc_process_t *process, int was_ready)
{
    if (!was_ready) {
        process->status = MPROC_EHANDSHAKE;
        process->words = apr_pstrcat(process->mem, describe_ending(process, "before it reached its target"),
                                     ": does its executable call mproc_init first?", NULL);
        return;
    }
    process->status = process->how.ending == PORT_LOST ? MPROC_ELOST : MPROC_EDIED;
    process->words = describe_ending(process, "without a word");
}

static void settle_refused(mproc_process_t *process, const mproc__report_t *report)
{
    process->status = report->status;
    process->words = apr_pstrdup(process->mem, report->words);
}

/* What it said on the control channel, and, where it said nothing, what the system says. */
static void read_last_words(mproc_process_t *process)
{
    mproc_values_t *values = mproc_values_create(process->mem);
    mproc__report_t report;
    char word = 0;
    int has_report;

    process->words = "";
    read_exactly(process->control, &word, 1);
    has_report = word != 0 && read_report(process->control, &report, values) == APR_SUCCESS;
    if (!has_report)
        settle_died(process, word == MPROC__WORD_READY);
    else if (report.outcome == MPROC__RETURNED)
        settle_returned(process, &report);
    else if (report.outcome == MPROC__EXITED)
        settle_exited(process);
    else
        settle_refused(process, &report);
    mproc__buffer_free(&values->buffer);
}

/* -- Waiting ------------------------------------------------------------------ */

static void release_port(mproc_process_t *process)
{
    if (process->port == NULL || process->waiters > 0 || (process->is_sentinel_given && !process->is_closed))
        return;
    port_process_close(process->port);
    process->port = NULL;
}

/* Under the lock, once. */
static void settle(mproc_process_t *process)
{
    if (process->has_ended)
        return;
    process->has_ended = 1;
    if (process->role != MPROC__CHILD)
        return;
    port_process_reap(process->port, &process->how);
    read_last_words(process);
    port_channel_close(process->control);
    process->control = NULL;
}

apr_status_t mproc__process_wait(mproc_process_t *process, port_deadline_t deadline)
{
    apr_status_t rv = APR_SUCCESS;

    lock(process);
    if (!process->has_ended) {
        process->waiters++;
        unlock(process);
        rv = port_process_wait(process->port, deadline);
        lock(process);
        process->waiters--;
        if (rv == APR_SUCCESS)
            settle(process);
    }
    if (process->has_ended)
        release_port(process);
    unlock(process);
    return rv;
}

static apr_status_t check(const mproc_process_t *process)
{
    if (process == NULL)
        return mproc_error_set(APR_EINVAL, "the process is NULL");
    if (process->role == MPROC__SELF)
        return mproc_error_set(APR_EINVAL, "%s is this process itself", process->name);
    if (process->owner != port_pid())
        return mproc_error_set(MPROC_EFOREIGN, "%s was not started by this process", process->name);
    if (process->is_closed)
        return mproc_error_set(MPROC_ECLOSED, "%s is closed", process->name);
    return APR_SUCCESS;
}

static apr_status_t check_child(const mproc_process_t *process)
{
    MPROC_TRY(check(process));
    if (process->role != MPROC__CHILD)
        return mproc_error_set(APR_EINVAL, "%s is this process's parent, not its child", process->name);
    return APR_SUCCESS;
}

apr_status_t mproc_process_join(mproc_process_t *process, apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    MPROC_TRY(check(process));
    rv = mproc__process_wait(process, deadline);
    return rv == APR_SUCCESS ? rv : mproc_error_set(rv, "%s is still running", process->name);
}

int mproc_process_is_alive(mproc_process_t *process)
{
    if (process == NULL || process->owner != port_pid() || process->is_closed)
        return 0;
    return process->role == MPROC__SELF || mproc__process_wait(process, PORT_NOW) != APR_SUCCESS;
}

/* -- How it ended ------------------------------------------------------------- */

static apr_status_t check_ended(mproc_process_t *process)
{
    MPROC_TRY(check_child(process));
    if (mproc__process_wait(process, PORT_NOW) != APR_SUCCESS)
        return mproc_error_set(MPROC_ERUNNING, "%s is still running", process->name);
    return APR_SUCCESS;
}

apr_status_t mproc_process_exitcode(mproc_process_t *process, apr_int64_t *exitcode)
{
    MPROC_TRY(check_ended(process));
    if (exitcode == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the exit code is NULL");
    if (process->how.ending == PORT_LOST)
        return mproc_error_set(MPROC_ELOST, "the exit code of %s was taken by somebody else: SIGCHLD is ignored, or a "
                               "thread waits for any child", process->name);
    *exitcode = process->how.ending == PORT_SIGNALED ? -process->how.code : process->how.code;
    return APR_SUCCESS;
}

apr_status_t mproc_process_status(mproc_process_t *process)
{
    MPROC_TRY(check_ended(process));
    return process->status == APR_SUCCESS ? APR_SUCCESS : mproc_error_set(process->status, "%s", process->words);
}

const char *mproc_process_error(mproc_process_t *process)
{
    return check_ended(process) == APR_SUCCESS ? process->words : "";
}

/* -- Ending it ---------------------------------------------------------------- */

apr_status_t mproc__process_stop(mproc_process_t *process, int signal)
{
    apr_status_t rv;

    lock(process);
    rv = process->has_ended ? APR_SUCCESS : port_process_stop(process->port, signal);
    unlock(process);
    return rv;
}

static apr_status_t stop(mproc_process_t *process, int signal)
{
    char text[120];
    apr_status_t rv;

    MPROC_TRY(check_child(process));
    rv = mproc__process_stop(process, signal);
    return rv == APR_SUCCESS
               ? rv
               : mproc_error_set(rv, "cannot end %s: %s", process->name, mproc_strerror(rv, text, sizeof text));
}

apr_status_t mproc_process_terminate(mproc_process_t *process)
{
    return stop(process, ASK);
}

apr_status_t mproc_process_kill(mproc_process_t *process)
{
    return stop(process, FORCE);
}

void mproc__process_stop_all(mproc_process_t *const *processes, size_t count)
{
    port_deadline_t deadline = mproc__deadline(GRACE);
    size_t i;

    for (i = 0; i < count; i++)
        mproc__process_stop(processes[i], ASK);
    for (i = 0; i < count; i++) {
        if (mproc__process_wait(processes[i], deadline) == APR_SUCCESS)
            continue;
        mproc__process_stop(processes[i], FORCE);
        mproc__process_wait(processes[i], PORT_NEVER);
    }
}

void mproc__process_dispose(mproc_process_t *process)
{
    assert(process->has_ended);
    mproc__children_remove(process);
    lock(process);
    process->is_closed = 1;
    release_port(process);
    unlock(process);
}

static int is_waited_for(mproc_process_t *process)
{
    int waiters;

    lock(process);
    waiters = process->waiters;
    unlock(process);
    return waiters > 0;
}

apr_status_t mproc_process_close(mproc_process_t *process)
{
    apr_status_t rv = check_child(process);

    if (rv == MPROC_ECLOSED)
        return APR_SUCCESS;
    MPROC_TRY(rv);
    MPROC_TRY(check_ended(process));
    if (is_waited_for(process))
        return mproc_error_set(MPROC_EINUSE, "another thread is waiting for %s", process->name);
    mproc__process_dispose(process);
    return APR_SUCCESS;
}

/* -- What it is --------------------------------------------------------------- */

const char *mproc_process_name(const mproc_process_t *process)
{
    return process->name;
}

apr_int64_t mproc_process_pid(const mproc_process_t *process)
{
    return process->pid;
}

int mproc_process_daemon(const mproc_process_t *process)
{
    return process->is_daemon;
}

apr_status_t mproc_process_sentinel(mproc_process_t *process, mproc_sentinel_t *sentinel)
{
    apr_status_t rv = MPROC_ECLOSED;

    MPROC_TRY(check(process));
    if (sentinel == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the sentinel is NULL");
    lock(process);
    if (process->port != NULL) {
        process->is_sentinel_given = 1;
        *sentinel = port_process_sentinel(process->port);
        rv = APR_SUCCESS;
    }
    unlock(process);
    return rv == APR_SUCCESS ? rv
                             : mproc_error_set(rv, "%s has ended and was joined: there is nothing to wait for",
                                               process->name);
}

mproc_process_t *mproc_current_process(void)
{
    return mproc__program.self;
}

mproc_process_t *mproc_parent_process(void)
{
    return mproc__program.parent;
}
