/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting until a number in a shared object is another.
 */

#include "change.h"

#include "failpoint.h"
#include "spin.h"

#include <mproc/event.h>
#include <mproc/status.h>

int mproc__change_hope(_Atomic apr_uint64_t *number, apr_uint64_t seen)
{
    int round;

    for (round = 0; round < MPROC__SPINS; round++) {
        if (atomic_load_explicit(number, memory_order_relaxed) != seen)
            break;
        mproc__spin(round);
    }
    return atomic_load(number) != seen;
}

void mproc__change_sleep(mproc__shared_object_t *object, unsigned event,
                         _Atomic apr_uint64_t *number, apr_uint64_t seen,
                         mproc__patience_t *patience)
{
    port_deadline_t slice = mproc__patience_slice(patience);
    uint32_t key = mproc__event_prepare(&object->member, event);
    int is_in_vain = 0;

    if (atomic_load(number) == seen) {
        mproc__event_park(&object->member, event, key, slice);
        is_in_vain = atomic_load(number) == seen && port_clock() < slice;
    }
    mproc__event_finish(&object->member, event);
    if (is_in_vain)
        mproc__event_note_fruitless(&object->member);
}

apr_status_t mproc__change_await(mproc__shared_object_t *object, unsigned event,
                                 _Atomic apr_uint64_t *number, apr_uint64_t seen,
                                 mproc__patience_t *patience)
{
    if (mproc__change_hope(number, seen))
        return APR_SUCCESS;
    while (atomic_load(number) == seen) {
        if (mproc__patience_is_over(patience))
            return APR_TIMEUP;
        mproc__change_sleep(object, event, number, seen, patience);
    }
    return APR_SUCCESS;
}

void mproc__change_tell(mproc__shared_object_t *object, unsigned event)
{
    atomic_thread_fence(memory_order_seq_cst);
    mproc__failpoint();
    mproc__event_broadcast(&object->member, event);
}

apr_status_t mproc__inner_lock_acquire(mproc__shared_object_t *object, mproc__lock_t *lock,
                                       unsigned event)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    apr_status_t rv = mproc__lock_acquire(lock, &object->member, event, &patience);

    mproc__failpoint();
    return rv;
}

void mproc__inner_lock_release(mproc__shared_object_t *object, mproc__lock_t *lock, unsigned event)
{
    mproc__failpoint();
    mproc__lock_release(lock);
    atomic_thread_fence(memory_order_seq_cst);
    mproc__failpoint();
    if (mproc__members_sleep(&object->member))
        mproc__event_notify(&object->member, event);
}

apr_status_t mproc__shared_options_read(unsigned *processes, const mproc_event_options_t *options,
                                        const char *initializer)
{
    static const mproc_event_options_t by_default = MPROC_EVENT_OPTIONS;

    if (options == NULL)
        options = &by_default;
    if (options->size != sizeof *options)
        return mproc_error_set(APR_EINVAL, "the options were not set by %s", initializer);
    *processes = options->processes;
    return APR_SUCCESS;
}
