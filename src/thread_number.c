/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A name for each thread of this process.
 */

#include "thread_number.h"

#include <stdatomic.h>

apr_uint64_t mproc__this_thread(void)
{
    static _Atomic apr_uint64_t threads;
    static _Thread_local apr_uint64_t number;

    if (number == 0)
        number = atomic_fetch_add(&threads, 1) + 1;
    return number;
}
