/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Objects that processes share as members: making them, closing them, and how they travel.
 */

#include "shared_object.h"

#include "program.h"
#include "values.h"

#include <mproc/status.h>

#include <string.h>

#define PAGE ((size_t)4096)

/* Another layout of anything in the segment is another version. */
#define LAYOUT 2

static const char magic[8] = "mprocobj";

/* In the segment; written before anybody else has it. */
typedef struct header_t {
    char magic[sizeof magic];
    uint32_t layout;
    uint32_t type;
    uint32_t nplaces;
    uint32_t events_size; /* a compiler may have laid them out in another way */
    apr_uint64_t state_size;
} header_t;

typedef struct events_t {
    mproc__event_count_t counts[MPROC__EVENTS_MAX];
} events_t;

_Static_assert(sizeof(header_t) <= PAGE, "the header has a page");

/* -- Where things lie ------------------------------------------------------------ */

static size_t whole_pages(size_t size)
{
    return (size + PAGE - 1) & ~(PAGE - 1);
}

static size_t state_at(void)
{
    return PAGE + whole_pages(sizeof(events_t));
}

static size_t members_at(size_t state_size)
{
    return state_at() + whole_pages(state_size);
}

static size_t whole_size(const header_t *header)
{
    return members_at((size_t)header->state_size) +
           whole_pages(mproc__members_size(header->nplaces));
}

/* -- One process's part of it ------------------------------------------------------ */

static mproc__shared_object_t *object_of(mproc__belonging_t *belonging)
{
    return (mproc__shared_object_t *)(void *)((char *)belonging -
                                              offsetof(mproc__shared_object_t, belonging));
}

/* In a forked child that was not given it. */
static void give_up(mproc__belonging_t *belonging)
{
    mproc__shared_object_t *object = object_of(belonging);

    port_segment_close(object->segment);
    object->segment = NULL;
}

/* In a copy that the program has forked, the place is still the parent's, and dies with it. */
static void begin_closing(mproc__belonging_t *belonging)
{
    const mproc__shared_object_t *object = object_of(belonging);

    if (object->generation == mproc__program.generation)
        mproc__member_begin_closing(&object->member);
}

static void end_closing(mproc__belonging_t *belonging)
{
    const mproc__shared_object_t *object = object_of(belonging);

    if (object->generation == mproc__program.generation)
        mproc__member_end_closing(&object->member);
}

/* A child was found dead: who waits for what it held looks at once. */
static void notice(mproc__belonging_t *belonging)
{
    mproc__shared_object_t *object = object_of(belonging);
    unsigned event;

    atomic_thread_fence(memory_order_seq_cst);
    for (event = 0; event < PORT_PARKS; event++)
        mproc__event_broadcast(&object->member, event);
}

static const mproc__belonging_kind_t belonging_kind = {give_up, begin_closing, end_closing, notice,
                                                       NULL};

/* Under the lock of belongings: other objects of this process may mind that handles are closed. */
static void detach(mproc__shared_object_t *object)
{
    mproc__belongings_remove(&object->belonging);
    if (object->segment == NULL)
        return;
    mproc__member_leave(&object->member);
    mproc__belongings_begin_closing();
    port_segment_close(object->segment);
    mproc__belongings_end_closing();
    object->segment = NULL;
}

static apr_status_t destroy(void *data)
{
    mproc__shared_object_t *object = data;

    mproc__belongings_lock();
    if (object->generation == mproc__program.generation)
        detach(object);
    mproc__belongings_unlock();
    return APR_SUCCESS;
}

/* What the header says is copied once: nothing that changes later is believed. */
static void look(mproc__shared_object_t *object, const header_t *header)
{
    unsigned char *memory = port_segment_memory(object->segment);
    events_t *events = (events_t *)(void *)(memory + PAGE);
    mproc__member_t *member = &object->member;
    int i;

    object->state = memory + state_at();
    object->state_size = (size_t)header->state_size;
    member->segment = object->segment;
    member->members =
        (mproc__members_t *)(void *)(memory + members_at((size_t)header->state_size));
    member->places = (mproc__place_t *)(member->members + 1);
    member->nplaces = header->nplaces;
    for (i = 0; i < MPROC__EVENTS_MAX; i++)
        member->events[i] = &events->counts[i];
}

static apr_status_t join_failed(const mproc__shared_object_t *object, apr_status_t rv)
{
    char text[120];

    if (rv == MPROC_ETOOMANY)
        return mproc_error_set(rv, "%s is for %u processes, and as many have it",
                               object->kind->name, object->member.nplaces);
    return mproc_error_set(rv, "cannot join %s: %s", object->kind->name,
                           mproc_strerror(rv, text, sizeof text));
}

/* Under the lock of belongings. */
static apr_status_t attach(mproc__shared_object_t **object, const mproc__shared_kind_t *kind,
                           size_t size, port_segment_t *segment, const header_t *header,
                           apr_pool_t *mem)
{
    mproc__shared_object_t *made = apr_pcalloc(mem, size);
    apr_status_t rv;

    made->kind = kind;
    made->segment = segment;
    made->generation = mproc__program.generation;
    look(made, header);
    rv = mproc__member_join(&made->member, mem);
    if (rv != APR_SUCCESS)
        return join_failed(made, rv);
    mproc__belongings_add(&made->belonging, &belonging_kind);
    mproc__member_end_closing(&made->member);
    apr_pool_cleanup_register(mem, made, destroy, apr_pool_cleanup_null);
    *object = made;
    return APR_SUCCESS;
}

/* -- Making and closing ------------------------------------------------------------ */

static apr_status_t make_segment(port_segment_t **segment, const mproc__shared_kind_t *kind,
                                 const header_t *header, apr_pool_t *mem)
{
    char text[120];
    apr_status_t rv = port_segment_create(segment, whole_size(header), mem);

    if (rv == APR_ENOMEM)
        return mproc_error_set(rv, "%llu bytes for %s are more memory than there is",
                               (unsigned long long)whole_size(header), kind->name);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "cannot make %s: %s", kind->name,
                               mproc_strerror(rv, text, sizeof text));
    memcpy(port_segment_memory(*segment), header, sizeof *header);
    return APR_SUCCESS;
}

static apr_status_t create(mproc__shared_object_t **object, const mproc__shared_kind_t *kind,
                           size_t size, const header_t *header, apr_pool_t *mem)
{
    port_segment_t *segment;
    apr_status_t rv;

    MPROC_TRY(make_segment(&segment, kind, header, mem));
    rv = attach(object, kind, size, segment, header, mem);
    if (rv != APR_SUCCESS)
        port_segment_close(segment);
    return rv;
}

static apr_status_t check(const mproc__shared_kind_t *kind, size_t more, unsigned processes)
{
    if (!mproc__object_kind_is_registered(kind->type))
        return mproc_error_set(MPROC_EBOOTSTRAP,
                               "mproc_init has not been called; it comes first of all in main");
    if (processes == 0 || processes > MPROC__MEMBERS_MAX)
        return mproc_error_set(APR_EINVAL, "%s for %u processes; it is for 1 to %d", kind->name,
                               processes, MPROC__MEMBERS_MAX);
    if (more > PTRDIFF_MAX / 2)
        return mproc_error_set(APR_ENOMEM, "%llu bytes for %s are more memory than there is",
                               (unsigned long long)more, kind->name);
    return APR_SUCCESS;
}

apr_status_t mproc__shared_object_create(mproc__shared_object_t **object,
                                         const mproc__shared_kind_t *kind, size_t size, size_t more,
                                         unsigned processes, apr_pool_t *mem)
{
    header_t header = {
        .layout = LAYOUT,
        .type = (uint32_t)kind->type,
        .nplaces = processes,
        .events_size = sizeof(events_t),
        .state_size = kind->state_size + more,
    };
    apr_pool_t *own;
    apr_status_t rv;

    MPROC_TRY(check(kind, more, processes));
    memcpy(header.magic, magic, sizeof magic);
    /* A pool of its own, so that threads may make objects in the same memory. */
    if (apr_pool_create(&own, mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for %s", kind->name);
    mproc__belongings_lock();
    rv = create(object, kind, size, &header, own);
    mproc__belongings_unlock();
    if (rv != APR_SUCCESS)
        apr_pool_destroy(own);
    return rv;
}

apr_status_t mproc__shared_object_refuse(const mproc__shared_object_t *object,
                                         const mproc__shared_kind_t *kind)
{
    if (object == NULL)
        return mproc_error_set(APR_EINVAL, "%s is NULL", kind->name);
    if (object->generation != mproc__program.generation)
        return mproc_error_set(MPROC_EFOREIGN,
                               "%s is the parent's; a child has those that it is given in its "
                               "arguments",
                               kind->name);
    if (object->segment == NULL)
        return mproc_error_set(MPROC_ECLOSED, "%s is closed", kind->name);
    return APR_SUCCESS;
}

/* As far as that can be seen: a thread that has just entered a call is not. */
apr_status_t mproc__shared_object_close(mproc__shared_object_t *object)
{
    if (object->segment == NULL || object->generation != mproc__program.generation)
        return APR_SUCCESS;
    if (atomic_load(&object->waiters) > 0)
        return mproc_error_set(MPROC_EINUSE, "another thread waits for %s", object->kind->name);
    mproc__belongings_lock();
    detach(object);
    mproc__belongings_unlock();
    return APR_SUCCESS;
}

mproc__shared_object_t *mproc__shared_object_find(const mproc__shared_kind_t *kind,
                                                  int (*is_it)(const mproc__shared_object_t *object,
                                                               const void *data),
                                                  const void *data)
{
    mproc__shared_object_t *found = NULL, *object;
    mproc__belonging_t *each = NULL;

    mproc__belongings_lock();
    while (found == NULL && (each = mproc__belongings_next(each)) != NULL) {
        object = object_of(each);
        if (each->kind == &belonging_kind && object->kind == kind && is_it(object, data))
            found = object;
    }
    mproc__belongings_unlock();
    return found;
}

/* -- Travelling --------------------------------------------------------------------- */

apr_status_t mproc__shared_object_share(mproc__shared_object_t *object,
                                        const mproc__shared_kind_t *kind, mproc__shared_t *shared)
{
    MPROC_TRY(mproc__shared_object_refuse(object, kind));
    shared->nhandles = port_segment_handles(object->segment, shared->handles);
    return APR_SUCCESS;
}

/* Read once, and then checked. */
static apr_status_t read_header(header_t *header, const mproc__shared_kind_t *kind,
                                const port_segment_t *segment)
{
    size_t size = port_segment_size(segment);

    if (size < state_at())
        return mproc_error_set(MPROC_ECORRUPT, "what arrived as %s is too small", kind->name);
    memcpy(header, port_segment_memory(segment), sizeof *header);
    if (memcmp(header->magic, magic, sizeof magic) != 0 || header->type != (uint32_t)kind->type)
        return mproc_error_set(MPROC_ECORRUPT, "what arrived as %s is something else", kind->name);
    if (header->layout != LAYOUT || header->events_size != sizeof(events_t))
        return mproc_error_set(MPROC_EBUILD, "%s was made by another version of mproc", kind->name);
    if (header->nplaces == 0 || header->nplaces > MPROC__MEMBERS_MAX ||
        header->state_size < kind->state_size || header->state_size > size ||
        size < whole_size(header))
        return mproc_error_set(MPROC_ECORRUPT, "%s that arrived has a damaged header", kind->name);
    return APR_SUCCESS;
}

static apr_status_t adopt_segment(mproc__shared_object_t **object, const mproc__shared_kind_t *kind,
                                  size_t size, port_segment_t *segment, apr_pool_t *mem)
{
    header_t header;
    apr_status_t rv;

    MPROC_TRY(read_header(&header, kind, segment));
    mproc__belongings_lock();
    rv = attach(object, kind, size, segment, &header, mem);
    mproc__belongings_unlock();
    return rv;
}

apr_status_t mproc__shared_object_adopt(mproc__shared_object_t **object,
                                        const mproc__shared_kind_t *kind, size_t size,
                                        const mproc__shared_t *shared, apr_pool_t *mem)
{
    port_segment_t *segment;
    apr_status_t rv = port_segment_adopt(&segment, shared->handles, shared->nhandles, mem);

    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "what arrived as %s is something else", kind->name);
    rv = adopt_segment(object, kind, size, segment, mem);
    if (rv != APR_SUCCESS)
        port_segment_forget(segment);
    return rv;
}
