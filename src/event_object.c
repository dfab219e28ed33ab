/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events.
 *
 * One word says whether it is set, and how often it was: who waits for an event that is set and
 * cleared before he looks has seen it set all the same.
 */

#include "change.h"
#include "event_objects.h"
#include "failpoint.h"
#include "values.h"

#include <mproc/status.h>

#include <errno.h>

/* Where they sleep. */
enum { SET };

#define IS_SET ((apr_uint64_t)1)

/* In the segment. */
typedef struct state_t {
    _Alignas(MPROC__APART) _Atomic apr_uint64_t word; /* how often it was set, times 2 + IS_SET */
} state_t;

struct mproc_event_t {
    mproc__shared_object_t object;
};

static const mproc__shared_kind_t kind = {MPROC_TYPE_EVENT, "the event", sizeof(state_t)};

static _Atomic apr_uint64_t *word_of(mproc_event_t *event)
{
    return &((state_t *)event->object.state)->word;
}

static apr_status_t refuse(const mproc_event_t *event)
{
    return mproc__shared_object_refuse((const mproc__shared_object_t *)event, &kind);
}

apr_status_t mproc_event_create(mproc_event_t **event, const mproc_event_options_t *options,
                                apr_pool_t *mem)
{
    mproc__shared_object_t *made;
    unsigned processes;

    if (event == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the event or its memory is NULL");
    MPROC_TRY(mproc__shared_options_read(&processes, options, "MPROC_EVENT_OPTIONS"));
    MPROC_TRY(mproc__shared_object_create(&made, &kind, sizeof(mproc_event_t), 0, processes, mem));
    *event = (mproc_event_t *)made;
    return APR_SUCCESS;
}

/* From unset to set it is counted; who finds it set has nothing to count. */
static void set(_Atomic apr_uint64_t *word)
{
    apr_uint64_t seen = atomic_load(word);

    while ((seen & IS_SET) == 0 && !atomic_compare_exchange_weak(word, &seen, seen + 2 + IS_SET))
        ;
}

/*
 * In a handler of a signal too: what this calls takes no lock that the thread could have been
 * interrupted with.  Who finds it set wakes as well: its setter may have been killed before he did.
 */
apr_status_t mproc_event_set(mproc_event_t *event)
{
    int error = errno;

    MPROC_TRY(refuse(event));
    set(word_of(event));
    mproc__failpoint();
    atomic_thread_fence(memory_order_seq_cst);
    mproc__event_call(&event->object.member, SET);
    errno = error;
    return APR_SUCCESS;
}

apr_status_t mproc_event_clear(mproc_event_t *event)
{
    MPROC_TRY(refuse(event));
    atomic_fetch_and(word_of(event), ~IS_SET);
    return APR_SUCCESS;
}

int mproc_event_is_set(mproc_event_t *event)
{
    return refuse(event) == APR_SUCCESS && (atomic_load(word_of(event)) & IS_SET) != 0;
}

static apr_status_t await(mproc_event_t *event, apr_uint64_t seen, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv;

    atomic_fetch_add(&event->object.waiters, 1);
    rv = mproc__change_await(&event->object, SET, word_of(event), seen, &patience);
    atomic_fetch_sub(&event->object.waiters, 1);
    return rv == APR_SUCCESS ? rv : mproc_error_set(rv, "the event was not set in time");
}

apr_status_t mproc_event_wait(mproc_event_t *event, apr_interval_time_t timeout)
{
    apr_uint64_t seen;

    MPROC_TRY(refuse(event));
    seen = atomic_load(word_of(event));
    return (seen & IS_SET) != 0 ? APR_SUCCESS : await(event, seen, timeout);
}

apr_status_t mproc_event_close(mproc_event_t *event)
{
    if (event == NULL)
        return mproc_error_set(APR_EINVAL, "the event is NULL");
    return mproc__shared_object_close(&event->object);
}

/* -- Travelling --------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    return mproc__shared_object_share(object, &kind, shared);
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc__shared_object_t *made;

    MPROC_TRY(mproc__shared_object_adopt(&made, &kind, sizeof(mproc_event_t), shared, mem));
    *object = made;
    return APR_SUCCESS;
}

void mproc__event_object_register(void)
{
    static const mproc__object_kind_t travelling = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_EVENT, &travelling);
}
