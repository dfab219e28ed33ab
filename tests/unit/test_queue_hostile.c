/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues that arrive from another process, whose memory says what it likes: it is
 * checked before it is used, and what it says later is not believed.
 */

#include "queue.h"
#include "unit.h"

#include <mproc/queue.h>

#include <stdlib.h>

#define CAPACITY 4096
#define PAGE 4096

/* What lies at the beginning of a queue's segment; see queue.c. */
typedef struct header_t {
    char magic[8];
    uint32_t layout, ring_size, nplaces, is_joinable;
    apr_uint64_t capacity, maxsize, max_message_size, blocks;
} header_t;

/* A queue on its way, and the segment that will arrive in its place. */
typedef struct arrival_t {
    mproc_queue_t *original;
    mproc__buffer_t message;
    port_segment_t *segment;
    header_t *header; /* of the segment */
} arrival_t;

/* -- Arriving -------------------------------------------------------------------- */

static mproc_queue_t *make_queue(apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = CAPACITY;
    options.processes = 3;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

/* A segment of another size, or of the original's, with the beginning of the original's memory. */
static arrival_t prepare_of_size(size_t size, apr_pool_t *mem)
{
    arrival_t arrival = {make_queue(mem), {NULL, 0, 0}, NULL, NULL};
    mproc__handles_t handles = {{0}, 0};

    assert_success(mproc__pack_encode(&arrival.message, &handles, MPROC_PACK(arrival.original)));
    if (size == 0)
        size = port_segment_size(arrival.original->segment);
    assert_success(port_segment_create(&arrival.segment, size, mem));
    arrival.header = port_segment_memory(arrival.segment);
    memcpy(arrival.header, port_segment_memory(arrival.original->segment),
           size < PAGE ? size : PAGE);
    return arrival;
}

static arrival_t prepare(apr_pool_t *mem)
{
    return prepare_of_size(0, mem);
}

static apr_status_t arrive_by(arrival_t *arrival, port_handle_t *handles, size_t nhandles,
                              mproc_queue_t **queue, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);

    fill(values, arrival->message.bytes, arrival->message.size);
    MPROC_TRY(mproc__values_decode(values, 0, handles, nhandles));
    return MPROC_UNPACK(values, queue);
}

/* What has arrived has taken the handles over. */
static apr_status_t arrive(arrival_t *arrival, mproc_queue_t **queue, apr_pool_t *mem)
{
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t nhandles = port_segment_handles(arrival->segment, handles);
    apr_status_t rv = arrive_by(arrival, handles, nhandles, queue, mem);

    if (rv == APR_SUCCESS)
        port_segment_forget(arrival->segment);
    else
        port_segment_close(arrival->segment);
    mproc__buffer_free(&arrival->message);
    return rv;
}

static void assert_refused(arrival_t arrival, apr_status_t expected, const char *words,
                           apr_pool_t *mem)
{
    mproc_queue_t *queue = NULL;

    assert_int_equal(arrive(&arrival, &queue, mem), expected);
    assert_said(words);
    assert_null(queue);
}

static void assert_works(mproc_queue_t *queue)
{
    char word[8];
    size_t size;

    assert_success(mproc_queue_put_bytes(queue, "word", 4, 0));
    assert_success(mproc_queue_get_bytes(queue, word, sizeof word, &size, 0));
    assert_true(size == 4 && memcmp(word, "word", 4) == 0);
}

/* -- What arrives ------------------------------------------------------------------- */

static void a_sound_one_arrives(void **state)
{
    arrival_t arrival = prepare(*state);
    mproc_queue_t *queue;

    assert_success(arrive(&arrival, &queue, *state));
    assert_works(queue);
    assert_works(arrival.original);
}

static void one_of_another_layout_is_of_another_version(void **state)
{
    arrival_t arrival = prepare(*state);

    arrival.header->layout++;
    assert_refused(arrival, MPROC_EBUILD, "another version of mproc", *state);
    arrival = prepare(*state);
    arrival.header->ring_size += 128;
    assert_refused(arrival, MPROC_EBUILD, "another version of mproc", *state);
}

static void memory_of_something_else_is_no_queue(void **state)
{
    arrival_t arrival = prepare(*state);

    arrival.header->magic[7]++;
    assert_refused(arrival, MPROC_ECORRUPT, "is none", *state);
    arrival = prepare(*state);
    memset(arrival.header, 0, PAGE);
    assert_refused(arrival, MPROC_ECORRUPT, "is none", *state);
}

static void places_that_cannot_be_are_refused(void **state)
{
    static const uint32_t numbers[] = {0, 4097, 0x7fffffff, UINT32_MAX};
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        arrival_t arrival = prepare(*state);
        arrival.header->nplaces = numbers[i];
        assert_refused(arrival, MPROC_ECORRUPT, "a damaged header", *state);
    }
}

static void a_capacity_that_cannot_be_is_refused(void **state)
{
    static const apr_uint64_t sizes[] = {0,
                                         CAPACITY / 2,
                                         CAPACITY - 1,
                                         CAPACITY + 8,
                                         (apr_uint64_t)1 << 32,
                                         (apr_uint64_t)1 << 33,
                                         (apr_uint64_t)1 << 63,
                                         UINT64_MAX};
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        arrival_t arrival = prepare(*state);
        arrival.header->capacity = sizes[i];
        assert_refused(arrival, MPROC_ECORRUPT, "a damaged header", *state);
    }
}

/* Nothing is there for them, and what is no whole number of granules was rounded by nobody. */
static void blocks_that_cannot_be_are_refused(void **state)
{
    static const apr_uint64_t sizes[] = {1,
                                         PAGE - 1,
                                         PAGE,
                                         PAGE + 1,
                                         (apr_uint64_t)1 << 30,
                                         ((apr_uint64_t)1 << 28) + PAGE,
                                         (apr_uint64_t)1 << 40,
                                         ((apr_uint64_t)1 << 40) + ((apr_uint64_t)1 << 25),
                                         (apr_uint64_t)1 << 63,
                                         UINT64_MAX};
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        arrival_t arrival = prepare(*state);
        arrival.header->blocks = sizes[i];
        assert_refused(arrival, MPROC_ECORRUPT, "a damaged header", *state);
    }
}

/* A page more than the segment has, for messages or for places. */
static void what_goes_beyond_the_segment_is_refused(void **state)
{
    size_t size = port_segment_size(make_queue(*state)->segment);
    arrival_t arrival = prepare_of_size(size - PAGE, *state);

    assert_refused(arrival, MPROC_ECORRUPT, "a damaged header", *state);
    arrival = prepare(*state);
    arrival.header->nplaces += PAGE / sizeof(mproc__place_t);
    assert_refused(arrival, MPROC_ECORRUPT, "a damaged header", *state);
    arrival = prepare(*state);
    arrival.header->capacity *= 2;
    assert_refused(arrival, MPROC_ECORRUPT, "a damaged header", *state);
    arrival = prepare(*state);
    arrival.header->is_joinable = 1; /* there are no counts behind it */
    assert_refused(arrival, MPROC_ECORRUPT, "a damaged header", *state);
}

/* In whole pages, where the system has no other sizes. */
static void what_is_too_small_for_a_header_is_refused(void **state)
{
    assert_refused(prepare_of_size(100, *state), MPROC_ECORRUPT, "", *state);
    assert_refused(prepare_of_size(PAGE, *state), MPROC_ECORRUPT, "a damaged header", *state);
}

static void handles_of_something_else_are_refused(void **state)
{
    arrival_t arrival = prepare(*state);
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX], swapped;
    size_t nhandles = port_segment_handles(arrival.segment, handles);
    mproc_queue_t *queue = NULL;

    swapped = handles[0];
    handles[0] = handles[1];
    handles[1] = swapped;
    assert_int_equal(arrive_by(&arrival, handles, nhandles, &queue, *state), APR_EBADF);
    assert_said("is none");
    assert_int_equal(arrive_by(&arrival, handles, nhandles - 1, &queue, *state), MPROC_EPROTOCOL);
    assert_null(queue);
    port_segment_close(arrival.segment);
    mproc__buffer_free(&arrival.message);
}

static void one_whose_places_all_have_a_living_owner_is_full(void **state)
{
    arrival_t arrival = prepare(*state);
    mproc__place_t *places = arrival.original->view.member.places, *copies;
    size_t at = (size_t)((char *)places - (char *)port_segment_memory(arrival.original->segment)),
           i;

    copies = (mproc__place_t *)(void *)((char *)arrival.header + at);
    for (i = 0; i < 3; i++)
        atomic_store(&copies[i].life, atomic_load(&places[0].life));
    assert_refused(arrival, MPROC_ETOOMANY, "`processes` is 3", *state);
}

/* -- What is said later ------------------------------------------------------------------ */

static void a_header_that_changes_later_is_not_believed(void **state)
{
    arrival_t arrival = prepare(*state);
    mproc_queue_t *queue;
    int i;

    assert_success(arrive(&arrival, &queue, *state));
    memset(port_segment_memory(queue->segment), 0xff, PAGE);
    for (i = 0; i < 2 * CAPACITY / 16; i++)
        assert_works(queue);
    assert_int_equal(queue->view.bytes.capacity, CAPACITY);
    assert_int_equal(queue->view.member.nplaces, 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_sound_one_arrives),
        claim(one_of_another_layout_is_of_another_version),
        claim(memory_of_something_else_is_no_queue),
        claim(places_that_cannot_be_are_refused),
        claim(a_capacity_that_cannot_be_is_refused),
        claim(blocks_that_cannot_be_are_refused),
        claim(what_goes_beyond_the_segment_is_refused),
        claim(what_is_too_small_for_a_header_is_refused),
        claim(handles_of_something_else_are_refused),
        claim(one_whose_places_all_have_a_living_owner_is_full),
        claim(a_header_that_changes_later_is_not_believed),
    };

    apr_initialize();
    mproc__queue_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
