/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The words of a failure: the text of each status code, and the thread's last
 * message.
 */

#include "status.h"

#include <apr_errno.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char last_message[1024];
static _Thread_local apr_status_t last_status; /* what last_message was left for */

static const char *const texts[] = {
    [MPROC_EBOOTSTRAP - MPROC_STATUS_START] = "mproc_init has not been called, or is not done",
    [MPROC_ETARGET - MPROC_STATUS_START] = "the target is not in the table given to mproc_init",
    [MPROC_EBUILD - MPROC_STATUS_START] = "parent and child are not the same build of the program",
    [MPROC_EHANDSHAKE - MPROC_STATUS_START] = "the process ended before it reached its target",
    [MPROC_EPROTOCOL - MPROC_STATUS_START] = "what arrived is not an mproc message",
    [MPROC_ECOUNT - MPROC_STATUS_START] = "too many or too few values",
    [MPROC_ETYPE - MPROC_STATUS_START] = "a value has another type than the variable for it",
    [MPROC_ERANGE - MPROC_STATUS_START] = "an integer does not fit the variable for it",
    [MPROC_ENOTSHAREABLE - MPROC_STATUS_START] = "the object cannot travel this way",
    [MPROC_ETORN - MPROC_STATUS_START] = "the message was cut off in the middle",
    [MPROC_EMSGSIZE - MPROC_STATUS_START] = "the buffer is smaller than the message",
    [MPROC_ECLOSED - MPROC_STATUS_START] = "the object was closed",
    [MPROC_EDIRECTION - MPROC_STATUS_START] = "this end of the pipe goes the other way",
    [MPROC_EINUSE - MPROC_STATUS_START] = "it is in use: by another thread, or by what is waited for",
    [MPROC_ERUNNING - MPROC_STATUS_START] = "the process has not ended yet",
    [MPROC_ELOST - MPROC_STATUS_START] = "nobody can say with what exit code the process ended",
    [MPROC_EDIED - MPROC_STATUS_START] = "the process ended without a word",
    [MPROC_EEXIT - MPROC_STATUS_START] = "the target called exit",
    [MPROC_EDAEMON - MPROC_STATUS_START] = "daemonic processes are not allowed to have children",
    [MPROC_EFOREIGN - MPROC_STATUS_START] = "the object belongs to the process that made it",
    [MPROC_ECONTEXT - MPROC_STATUS_START] = "the start method has already been set",
    [MPROC_EENDING - MPROC_STATUS_START] = "the program is ending",
    [MPROC_ESHUTDOWN - MPROC_STATUS_START] = "the queue was shut down",
    [MPROC_ETOOMANY - MPROC_STATUS_START] = "as many processes as may have it have it",
    [MPROC_ECORRUPT - MPROC_STATUS_START] = "another process has damaged what is shared",
    [MPROC_ETOOLARGE - MPROC_STATUS_START] = "it is larger than what there is room for",
    [MPROC_EOWNERDEAD - MPROC_STATUS_START] = "the last owner of the lock died with it",
    [MPROC_EWORKERDIED - MPROC_STATUS_START] = "the worker died that was doing this",
    [MPROC_ECANCELLED - MPROC_STATUS_START] = "it was cancelled before it was done",
    [MPROC_ETERMINATED - MPROC_STATUS_START] = "the pool was terminated before it was done",
    [MPROC_EOVERTIME - MPROC_STATUS_START] = "it took longer than it was allowed to",
    [MPROC_EENDED - MPROC_STATUS_START] = "it is over, and cannot be changed any more",
    [MPROC_EWITHIN - MPROC_STATUS_START] =
        "the target returned the end of a file, or that time was up",
    [MPROC_ENOTOWNER - MPROC_STATUS_START] = "this thread does not hold the lock",
    [MPROC_EDEADLOCK - MPROC_STATUS_START] = "it would wait for itself, for ever",
    [MPROC_EOVERRELEASE - MPROC_STATUS_START] = "it was released more often than it was acquired",
    [MPROC_EBROKEN - MPROC_STATUS_START] = "the barrier is broken",
};

char *mproc_strerror(apr_status_t rv, char *buffer, size_t size)
{
    if (size == 0)
        return buffer;
    if (rv <= MPROC_STATUS_START ||
        rv >= MPROC_STATUS_START + (int)(sizeof texts / sizeof texts[0]))
        return apr_strerror(rv, buffer, size);
    snprintf(buffer, size, "%s", texts[rv - MPROC_STATUS_START]);
    return buffer;
}

const char *mproc_error_message(void)
{
    return last_message;
}

const char *mproc__error_words(apr_status_t rv)
{
    return rv == last_status ? last_message : "";
}

apr_status_t mproc__error_status(void)
{
    return last_status;
}

void mproc__error_forget(void)
{
    last_status = APR_SUCCESS;
    last_message[0] = '\0';
}

/*
 * Through a copy, as an argument may be the last message itself.  The name is in parentheses, as
 * analysers are given a macro of that name: see tools/check/analysis.h.
 */
apr_status_t(mproc_error_set)(apr_status_t rv, const char *format, ...)
{
    char message[sizeof last_message];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    memcpy(last_message, message, sizeof message);
    last_status = rv;
    return rv;
}

apr_status_t mproc__error_explain(apr_status_t rv, const char *doing)
{
    char text[120];

    return rv == APR_SUCCESS || mproc__error_words(rv)[0] != '\0'
               ? rv
               : mproc_error_set(rv, "cannot %s: %s", doing, mproc_strerror(rv, text, sizeof text));
}

void mproc__check_failed(apr_status_t rv, const char *call, const char *file, int line)
{
    char text[120];

    fflush(stdout);
    fprintf(stderr, "%s:%d: %s failed: %s (%d)\n", file, line, call,
            mproc_strerror(rv, text, sizeof text), rv);
    if (mproc__error_words(rv)[0] != '\0')
        fprintf(stderr, "%s\n", last_message);
    exit(1);
}
