/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues: making them, closing them, and how they travel.
 *
 * The segment, each part beginning on a page of its own:
 *
 *     header, ring, members and their places, messages, counts of tasks, table of blocks, blocks
 *
 * Where they lie follows from the numbers in the header, so that nothing that another
 * process could change later says where to read or write.
 */

#include "queue.h"

#include "program.h"
#include "tasks.h"
#include "values.h"

#include <mproc/status.h>

#include <string.h>

#define PAGE ((size_t)4096)
#define CAPACITY_MIN PAGE
#define CAPACITY_MAX (SIZE_MAX > UINT32_MAX ? (apr_uint64_t)1 << 32 : (apr_uint64_t)1 << 30)
#define BLOCKS_MAX (SIZE_MAX > UINT32_MAX ? (apr_uint64_t)1 << 40 : (apr_uint64_t)1 << 30)

/* Another layout of anything in the segment is another version. */
#define LAYOUT 3

static const char magic[8] = "mprocque";

/* In the segment; written before anybody else has it. */
typedef struct header_t {
    char magic[sizeof magic];
    uint32_t layout;
    uint32_t ring_size; /* of the ring's struct: a compiler may have laid it out in another way */
    uint32_t nplaces;
    uint32_t is_joinable;
    apr_uint64_t capacity;
    apr_uint64_t maxsize;
    apr_uint64_t max_message_size;
    apr_uint64_t blocks; /* bytes, in whole granules */
} header_t;

_Static_assert(sizeof(header_t) <= PAGE, "the header has a page");

/* -- Where things lie ------------------------------------------------------------ */

static size_t whole_pages(size_t size)
{
    return (size + PAGE - 1) & ~(PAGE - 1);
}

static size_t members_at(void)
{
    return PAGE + whole_pages(sizeof(mproc__ring_t));
}

static size_t data_at(unsigned nplaces)
{
    return members_at() + whole_pages(mproc__members_size(nplaces));
}

static size_t tasks_at(const header_t *header)
{
    return data_at(header->nplaces) + (size_t)header->capacity;
}

static size_t table_at(const header_t *header)
{
    return tasks_at(header) +
           (header->is_joinable ? whole_pages(mproc__tasks_size(header->nplaces)) : 0);
}

/* What is there from the beginning: all but the blocks themselves. */
static size_t fixed_size(const header_t *header)
{
    return table_at(header) +
           (header->blocks > 0 ? whole_pages(mproc__block_table_size(header->blocks)) : 0);
}

/* -- Options --------------------------------------------------------------------- */

static apr_status_t check_options(const mproc_queue_options_t *options)
{
    if (options->size != sizeof *options)
        return mproc_error_set(APR_EINVAL, "the options were not set by MPROC_QUEUE_OPTIONS");
    if (options->capacity == 0)
        return mproc_error_set(APR_EINVAL, "a capacity of 0 bytes holds no message; "
                                           "MPROC_QUEUE_OPTIONS gives 1 MiB");
    if ((apr_uint64_t)options->capacity > CAPACITY_MAX)
        return mproc_error_set(APR_EINVAL,
                               "a capacity of %llu bytes is too large; %d GiB are the most",
                               (unsigned long long)options->capacity, (int)(CAPACITY_MAX >> 30));
    if (options->maxsize > UINT32_MAX)
        return mproc_error_set(APR_EINVAL, "a maxsize of %llu messages is too large; 0 is no limit",
                               (unsigned long long)options->maxsize);
    if ((apr_uint64_t)options->blocks > BLOCKS_MAX)
        return mproc_error_set(APR_EINVAL, "%llu bytes of blocks are too many; %llu are the most",
                               (unsigned long long)options->blocks, (unsigned long long)BLOCKS_MAX);
    if (options->processes == 0 || options->processes > MPROC__MEMBERS_MAX)
        return mproc_error_set(APR_EINVAL, "a queue for %u processes; it is for 1 to %d",
                               options->processes, MPROC__MEMBERS_MAX);
    return APR_SUCCESS;
}

static size_t round_capacity(size_t asked)
{
    size_t capacity = CAPACITY_MIN;

    while (capacity < asked)
        capacity *= 2;
    return capacity;
}

static apr_uint64_t round_blocks(apr_uint64_t asked)
{
    apr_uint64_t granule = mproc__block_granule(asked);

    return (asked + granule - 1) & ~(granule - 1);
}

static apr_status_t check(mproc_queue_t **queue, const mproc_queue_options_t *options,
                          const apr_pool_t *mem)
{
    if (!mproc__object_kind_is_registered(MPROC_TYPE_QUEUE))
        return mproc_error_set(MPROC_EBOOTSTRAP,
                               "mproc_init has not been called; it comes first of all in main");
    if (queue == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the queue or its memory is NULL");
    return check_options(options);
}

/* -- One process's part of it ------------------------------------------------------ */

static mproc_queue_t *queue_of(mproc__belonging_t *belonging)
{
    return (mproc_queue_t *)(void *)((char *)belonging - offsetof(mproc_queue_t, belonging));
}

/* In a forked child that was not given the queue. */
static void give_up(mproc__belonging_t *belonging)
{
    mproc_queue_t *queue = queue_of(belonging);

    port_segment_close(queue->segment);
    queue->segment = NULL;
}

/* In a copy that the program has forked, the place is still the parent's, and dies with it. */
static void begin_closing(mproc__belonging_t *belonging)
{
    const mproc_queue_t *queue = queue_of(belonging);

    if (queue->generation == mproc__program.generation)
        mproc__member_begin_closing(&queue->view.member);
}

static void end_closing(mproc__belonging_t *belonging)
{
    const mproc_queue_t *queue = queue_of(belonging);

    if (queue->generation == mproc__program.generation)
        mproc__member_end_closing(&queue->view.member);
}

/* What this process has got, it has done with; threads that go on may note more. */
static void settle(mproc__belonging_t *belonging)
{
    const mproc_queue_t *queue = queue_of(belonging);

    if (!queue->keeps_claim)
        atomic_store(mproc__member_note(&queue->view.member, MPROC__CLAIM), 0);
}

static void notice(mproc__belonging_t *belonging)
{
    mproc__ring_wake_all(&queue_of(belonging)->view);
}

static const mproc__belonging_kind_t belonging_kind = {give_up, begin_closing, end_closing, notice,
                                                       settle};

/* Under the lock of belongings: other queues of this process may mind that handles are closed. */
static void detach(mproc_queue_t *queue)
{
    mproc__belongings_remove(&queue->belonging);
    if (queue->segment == NULL)
        return;
    if (queue->view.blocks != NULL)
        mproc__ring_leave_blocks(&queue->view);
    mproc__member_leave(&queue->view.member);
    mproc__belongings_begin_closing();
    port_segment_close(queue->segment);
    mproc__belongings_end_closing();
    queue->segment = NULL;
}

static apr_status_t destroy(void *data)
{
    mproc_queue_t *queue = data;

    mproc__belongings_lock();
    if (queue->generation == mproc__program.generation)
        detach(queue);
    mproc__belongings_unlock();
    mproc__buffer_free(&queue->outgoing);
    mproc__queue_free_copies(queue);
    return APR_SUCCESS;
}

static void look_at_blocks(mproc_queue_t *queue, const header_t *header)
{
    unsigned char *memory = port_segment_memory(queue->segment);
    mproc__blocks_t *blocks = &queue->blocks;

    if (header->blocks == 0)
        return;
    blocks->table = (mproc__block_table_t *)(void *)(memory + table_at(header));
    blocks->offset = fixed_size(header);
    blocks->memory = memory + blocks->offset;
    blocks->granule = mproc__block_granule(header->blocks);
    blocks->granule_bits = mproc__block_granule_bits(blocks->granule);
    blocks->count = (uint32_t)(header->blocks / blocks->granule);
    queue->view.blocks = blocks;
}

/* What the header says is copied once: nothing that changes later is believed. */
static void look(mproc_queue_t *queue, const header_t *header)
{
    unsigned char *memory = port_segment_memory(queue->segment);
    mproc__ring_view_t *view = &queue->view;
    mproc__member_t *member = &view->member;
    int i;

    view->ring = (mproc__ring_t *)(void *)(memory + PAGE);
    view->bytes.data = memory + data_at(header->nplaces);
    view->bytes.capacity = (size_t)header->capacity;
    view->maxsize = (size_t)header->maxsize;
    if (header->is_joinable)
        view->tasks = (mproc__tasks_t *)(void *)(memory + tasks_at(header));
    queue->max_message_size = (size_t)header->max_message_size;
    member->segment = queue->segment;
    member->members = (mproc__members_t *)(void *)(memory + members_at());
    member->places = (mproc__place_t *)(member->members + 1);
    member->nplaces = header->nplaces;
    for (i = 0; i < MPROC__EVENTS_MAX; i++)
        member->events[i] = &view->ring->events[i];
    look_at_blocks(queue, header);
}

static apr_status_t join_failed(apr_status_t rv, unsigned nplaces)
{
    char text[120];

    if (rv == MPROC_ETOOMANY)
        return mproc_error_set(rv,
                               "the queue is full of processes: its option `processes` is %u, "
                               "and as many have it",
                               nplaces);
    return mproc_error_set(rv, "cannot join the queue: %s", mproc_strerror(rv, text, sizeof text));
}

/* Under the lock of belongings. */
static apr_status_t attach(mproc_queue_t **queue, port_segment_t *segment, const header_t *header,
                           apr_pool_t *mem)
{
    mproc_queue_t *made = apr_pcalloc(mem, sizeof *made);
    apr_status_t rv;

    made->segment = segment;
    made->generation = mproc__program.generation;
    atomic_flag_clear(&made->is_packing);
    look(made, header);
    rv = apr_thread_mutex_create(&made->copies_lock, APR_THREAD_MUTEX_DEFAULT, mem);
    if (rv == APR_SUCCESS)
        rv = mproc__member_join(&made->view.member, mem);
    if (rv != APR_SUCCESS)
        return join_failed(rv, header->nplaces);
    mproc__belongings_add(&made->belonging, &belonging_kind);
    mproc__member_end_closing(&made->view.member);
    if (made->view.blocks != NULL)
        mproc__ring_sweep_blocks(&made->view);
    apr_pool_cleanup_register(mem, made, destroy, apr_pool_cleanup_null);
    *queue = made;
    return APR_SUCCESS;
}

/* -- Making and closing ------------------------------------------------------------ */

static apr_status_t make_memory(port_segment_t **segment, const header_t *header, apr_pool_t *mem)
{
    size_t size = fixed_size(header);

    return header->blocks == 0
               ? port_segment_create(segment, size, mem)
               : port_segment_create_growing(segment, size, size + (size_t)header->blocks, mem);
}

static apr_status_t make_segment(port_segment_t **segment, const header_t *header, apr_pool_t *mem)
{
    char text[120];
    apr_status_t rv = make_memory(segment, header, mem);

    if (rv == APR_ENOMEM)
        return mproc_error_set(rv,
                               "a capacity of %llu bytes and %llu of blocks is more memory than "
                               "there is",
                               (unsigned long long)header->capacity,
                               (unsigned long long)header->blocks);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "cannot make a queue: %s",
                               mproc_strerror(rv, text, sizeof text));
    memcpy(port_segment_memory(*segment), header, sizeof *header);
    return APR_SUCCESS;
}

static apr_status_t create(mproc_queue_t **queue, const mproc_queue_options_t *options,
                           apr_pool_t *mem)
{
    header_t header = {
        .layout = LAYOUT,
        .ring_size = sizeof(mproc__ring_t),
        .nplaces = options->processes,
        .is_joinable = options->joinable != 0,
        .capacity = round_capacity(options->capacity),
        .maxsize = options->maxsize,
        .max_message_size = options->max_message_size,
        .blocks = round_blocks(options->blocks),
    };
    port_segment_t *segment;
    apr_status_t rv;

    memcpy(header.magic, magic, sizeof magic);
    MPROC_TRY(make_segment(&segment, &header, mem));
    rv = attach(queue, segment, &header, mem);
    if (rv != APR_SUCCESS)
        port_segment_close(segment);
    else if ((*queue)->view.blocks != NULL)
        mproc__blocks_begin((*queue)->view.blocks);
    return rv;
}

apr_status_t mproc_queue_create(mproc_queue_t **queue, const mproc_queue_options_t *options,
                                apr_pool_t *mem)
{
    static const mproc_queue_options_t by_default = MPROC_QUEUE_OPTIONS;
    const mproc_queue_options_t *wanted = options != NULL ? options : &by_default;
    apr_pool_t *own;
    apr_status_t rv;

    MPROC_TRY(check(queue, wanted, mem));
    /* A pool of its own, so that threads may make queues in the same memory. */
    if (apr_pool_create(&own, mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for a queue");
    mproc__belongings_lock();
    rv = create(queue, wanted, own);
    mproc__belongings_unlock();
    if (rv != APR_SUCCESS)
        apr_pool_destroy(own);
    return rv;
}

/* As far as that can be seen: one that has just entered a call is not. */
static int is_in_use(const mproc_queue_t *queue)
{
    const mproc__ring_view_t *view = &queue->view;

    return atomic_load(&view->sleepers) > 0 ||
           atomic_load(&view->ring->putting.owner) == view->member.id ||
           atomic_load(&view->ring->getting.owner) == view->member.id ||
           (view->blocks != NULL &&
            atomic_load(&view->blocks->table->allocating.owner) == view->member.id);
}

apr_status_t mproc_queue_close(mproc_queue_t *queue)
{
    if (queue == NULL)
        return mproc_error_set(APR_EINVAL, "the queue is NULL");
    if (queue->segment == NULL || queue->generation != mproc__program.generation)
        return APR_SUCCESS;
    if (is_in_use(queue))
        return mproc_error_set(MPROC_EINUSE, "another thread waits in the queue");
    MPROC_TRY(mproc__queue_check_blocks(queue));
    mproc__belongings_lock();
    detach(queue);
    mproc__belongings_unlock();
    return APR_SUCCESS;
}

apr_status_t mproc__queue_refuse(const mproc_queue_t *queue)
{
    if (queue == NULL)
        return mproc_error_set(APR_EINVAL, "the queue is NULL");
    if (queue->generation != mproc__program.generation)
        return mproc_error_set(MPROC_EFOREIGN,
                               "the queue is the parent's; a child has those that it "
                               "is given in its arguments");
    return mproc_error_set(MPROC_ECLOSED, "the queue is closed");
}

apr_status_t mproc__queue_failed(apr_status_t rv)
{
    if (rv == MPROC_ESHUTDOWN)
        return mproc_error_set(rv, "the queue was shut down");
    if (rv == MPROC_ECORRUPT)
        return mproc_error_set(rv,
                               "another process has damaged the queue: what lies in it cannot be "
                               "messages");
    return rv;
}

/* -- Travelling --------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    mproc_queue_t *queue = object;

    MPROC_TRY(mproc__queue_check(queue));
    shared->nhandles = port_segment_handles(queue->segment, shared->handles);
    return APR_SUCCESS;
}

/* Read once, and then checked. */
static apr_status_t read_header(header_t *header, const port_segment_t *segment)
{
    if (port_segment_size(segment) < PAGE)
        return mproc_error_set(MPROC_ECORRUPT, "what arrived as a queue is too small to be one");
    memcpy(header, port_segment_memory(segment), sizeof *header);
    if (memcmp(header->magic, magic, sizeof magic) != 0)
        return mproc_error_set(MPROC_ECORRUPT, "what arrived as a queue is none");
    if (header->layout != LAYOUT || header->ring_size != sizeof(mproc__ring_t))
        return mproc_error_set(MPROC_EBUILD, "the queue was made by another version of mproc");
    if (header->nplaces == 0 || header->nplaces > MPROC__MEMBERS_MAX ||
        header->capacity < CAPACITY_MIN || header->capacity > CAPACITY_MAX ||
        (header->capacity & (header->capacity - 1)) != 0 || header->blocks > BLOCKS_MAX ||
        header->blocks != round_blocks(header->blocks) ||
        port_segment_size(segment) < fixed_size(header) + header->blocks)
        return mproc_error_set(MPROC_ECORRUPT, "the queue that arrived has a damaged header");
    return APR_SUCCESS;
}

static apr_status_t adopt_segment(mproc_queue_t **queue, port_segment_t *segment, apr_pool_t *mem)
{
    header_t header;
    apr_status_t rv;

    MPROC_TRY(read_header(&header, segment));
    mproc__belongings_lock();
    rv = attach(queue, segment, &header, mem);
    mproc__belongings_unlock();
    return rv;
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    port_segment_t *segment;
    mproc_queue_t *queue;
    apr_status_t rv = port_segment_adopt(&segment, shared->handles, shared->nhandles, mem);

    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "what arrived as a queue is none");
    rv = adopt_segment(&queue, segment, mem);
    if (rv != APR_SUCCESS) {
        port_segment_forget(segment);
        return rv;
    }
    *object = queue;
    return APR_SUCCESS;
}

void mproc__queue_register(void)
{
    static const mproc__object_kind_t kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_QUEUE, &kind);
}
