/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: a small thread that waits for something on the library's
 * behalf, where Linux has a descriptor for it.
 */

#include "internal.h"

#include <limits.h>
#include <pthread.h>

apr_status_t posix_background(void *(*wait)(void *), void *data)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes,
                              PTHREAD_STACK_MIN < 65536 ? 65536 : (size_t)PTHREAD_STACK_MIN);
    /* The program's signal handlers run in its own threads, never in this one. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, wait, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return APR_FROM_OS_ERROR(error);
}
