/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_STATUS_H
#define MPROC_STATUS_H

/**
 * @file status.h
 * What went wrong: mproc's own status codes, their names, and the words that
 * belong to the last failure.
 *
 *     rv = mproc_process_start(&process, target, args, NULL, mem);
 *     if (rv != APR_SUCCESS)
 *         fprintf(stderr, "%s\n", mproc_error_message());
 *
 * A status says what a program can act on; the message says the rest: which
 * argument, which target, which stage, and what the operating system said.
 */

#include <mproc/declare.h>

MPROC_BEGIN_C

/** The first of mproc's own codes; APR leaves this range to its users. */
#define MPROC_STATUS_START (APR_OS_START_USERERR + 3100)

/** No process can be started before mproc_init() is done. */
#define MPROC_EBOOTSTRAP (MPROC_STATUS_START + 1)
/** The target is not in the table given to mproc_init(). */
#define MPROC_ETARGET (MPROC_STATUS_START + 2)
/** Parent and child are not the same build, or differ in their tables. */
#define MPROC_EBUILD (MPROC_STATUS_START + 3)
/** The child ended before it reached its target. */
#define MPROC_EHANDSHAKE (MPROC_STATUS_START + 4)
/** What arrived is not an mproc message. */
#define MPROC_EPROTOCOL (MPROC_STATUS_START + 5)
/** Too many or too few values. */
#define MPROC_ECOUNT (MPROC_STATUS_START + 6)
/** A value has another type than the variable for it. */
#define MPROC_ETYPE (MPROC_STATUS_START + 7)
/** An integer does not fit the variable for it. */
#define MPROC_ERANGE (MPROC_STATUS_START + 8)
/** This object cannot travel this way. */
#define MPROC_ENOTSHAREABLE (MPROC_STATUS_START + 9)
/** The other end went away in the middle of a message. */
#define MPROC_ETORN (MPROC_STATUS_START + 10)
/** The buffer is smaller than the message; the message waits. */
#define MPROC_EMSGSIZE (MPROC_STATUS_START + 11)
/** The object was closed. */
#define MPROC_ECLOSED (MPROC_STATUS_START + 12)
/** This end only reads, or only writes. */
#define MPROC_EDIRECTION (MPROC_STATUS_START + 13)
/** Another thread is using this, or what is waited for. */
#define MPROC_EINUSE (MPROC_STATUS_START + 14)
/** The process has not ended yet. */
#define MPROC_ERUNNING (MPROC_STATUS_START + 15)
/** Nobody can say with what exit code the process ended. */
#define MPROC_ELOST (MPROC_STATUS_START + 16)
/** The process ended without a word: killed, crashed, or _exit(); or before what it sent was taken. */
#define MPROC_EDIED (MPROC_STATUS_START + 17)
/** The target called exit() with a code other than 0. */
#define MPROC_EEXIT (MPROC_STATUS_START + 18)
/** Daemonic processes are not allowed to have children. */
#define MPROC_EDAEMON (MPROC_STATUS_START + 19)
/** The object belongs to the process that made it, not to this one. */
#define MPROC_EFOREIGN (MPROC_STATUS_START + 20)
/** The start method was set before. */
#define MPROC_ECONTEXT (MPROC_STATUS_START + 21)
/** The program is ending: its threads can fork no more. */
#define MPROC_EENDING (MPROC_STATUS_START + 22)
/** The queue was shut down. */
#define MPROC_ESHUTDOWN (MPROC_STATUS_START + 23)
/** As many processes as may have it have it. */
#define MPROC_ETOOMANY (MPROC_STATUS_START + 24)
/** Another process has damaged what is shared. */
#define MPROC_ECORRUPT (MPROC_STATUS_START + 25)
/** A message is larger than its queue allows, or a result than its place. */
#define MPROC_ETOOLARGE (MPROC_STATUS_START + 26)
/** The lock is held now, and its last owner died with it. */
#define MPROC_EOWNERDEAD (MPROC_STATUS_START + 27)
/** The worker died that was doing this. */
#define MPROC_EWORKERDIED (MPROC_STATUS_START + 28)
/** It was cancelled before it was done. */
#define MPROC_ECANCELLED (MPROC_STATUS_START + 29)
/** The pool was terminated before it was done. */
#define MPROC_ETERMINATED (MPROC_STATUS_START + 30)
/** It took longer than it was allowed to. */
#define MPROC_EOVERTIME (MPROC_STATUS_START + 31)
/** It is over, and cannot be changed any more. */
#define MPROC_EENDED (MPROC_STATUS_START + 32)
/** The target returned APR_EOF or APR_TIMEUP, which would mean another thing here. */
#define MPROC_EWITHIN (MPROC_STATUS_START + 33)
/** This thread does not hold the lock. */
#define MPROC_ENOTOWNER (MPROC_STATUS_START + 34)
/** It would wait for itself, for ever. */
#define MPROC_EDEADLOCK (MPROC_STATUS_START + 35)
/** It was released more often than it was acquired. */
#define MPROC_EOVERRELEASE (MPROC_STATUS_START + 36)
/** The barrier is broken: not all have come, or not all could go on. */
#define MPROC_EBROKEN (MPROC_STATUS_START + 37)

/**
 * The name of a status in words: mproc's own codes, and APR's by apr_strerror().
 *
 * @param rv      any status
 * @param buffer  filled with a NUL-terminated text
 * @param size    size of @a buffer in bytes; 120 hold every text of mproc's
 *
 * @return buffer
 *
 * Threads: any.  Fork: may be called in a forked child.
 */
MPROC_DECLARE(char *) mproc_strerror(apr_status_t rv, char *buffer, size_t size);

/**
 * What this thread's last failed call of mproc had to say.
 *
 * @return a sentence, valid until this thread's next failing call; "" before
 *         the first failure.  A successful call leaves it as it was.
 *
 * Threads: each has its own.  Fork: a forked child starts with its thread's.
 */
MPROC_DECLARE(const char *) mproc_error_message(void);

/**
 * Leave words for a status: they become mproc_error_message() of this thread,
 * and, when a target returns with the status, mproc_process_error() of its
 * process in the parent.
 *
 *     if (file == NULL)
 *         return mproc_error_set(APR_ENOENT, "cannot open %s", path);
 *
 * @param rv      the status to return
 * @param format  as for printf; the text is cut at 1,023 bytes
 *
 * @return rv
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t)
mproc_error_set(apr_status_t rv, const char *format, ...) MPROC_PRINTF(2, 3);

/** For MPROC_CHECK alone: print where, what and why on stderr, then exit(1). */
MPROC_DECLARE(void)
mproc__check_failed(apr_status_t rv, const char *call, const char *file, int line);

/** In a function that returns a status: hand a failure up, unchanged. */
#define MPROC_TRY(call)                                                                            \
    do {                                                                                           \
        apr_status_t mproc__rv = (call);                                                           \
        if (mproc__rv != APR_SUCCESS)                                                              \
            return mproc__rv;                                                                      \
    } while (0)

/** For examples and small programs: on failure say where, what and why, and exit(1). */
#define MPROC_CHECK(call)                                                                          \
    do {                                                                                           \
        apr_status_t mproc__rv = (call);                                                           \
        if (mproc__rv != APR_SUCCESS)                                                              \
            mproc__check_failed(mproc__rv, #call, __FILE__, __LINE__);                             \
    } while (0)

MPROC_END_C

#endif
