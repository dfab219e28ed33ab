/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A ring whose memory another process damages while this one uses it.  The input
 * says what is called, and what is damaged between the calls: every call returns, with a
 * status that it may give, and touches nothing beside the ring.
 *
 * As long as nothing was damaged, what is put is what is got.
 */

#include "fuzz.h"

#include "rings.h"

#include <stdlib.h>

#define CAPACITY 4096
#define MESSAGE_MAX (3 * CAPACITY)

/* One step: what to do, and two numbers for it. */
#define STEP 16

enum {
    PUT,
    PUT_DEAD,
    GET,
    ASK,
    SHUT_DOWN,
    HARM_RING,
    HARM_TABLE,
    HARM_DATA,
    HARM_HEAD,
    HARM_TAIL,
    HARM_RECORD,
    ACTIONS
};

typedef struct used_t {
    mproc__ring_view_t *view;
    int is_damaged;
    int ndead; /* putters that have died; who finds one has slept for 20 milliseconds */
    apr_uint64_t nput, ngot;
} used_t;

/* -- The sound half ------------------------------------------------------------------- */

static void assert_may_be(const used_t *used, apr_status_t rv)
{
    assert_true(rv == APR_SUCCESS || rv == APR_TIMEUP || rv == MPROC_ESHUTDOWN ||
                rv == MPROC_EMSGSIZE || (rv == MPROC_ECORRUPT && used->is_damaged));
}

/* The bytes of a message follow from its size. */
static void put(used_t *used, apr_uint64_t size)
{
    unsigned char *bytes = malloc(MESSAGE_MAX);
    apr_status_t rv;

    assert_non_null(bytes);
    size %= MESSAGE_MAX;
    memset(bytes, (int)(size & 0x7f), (size_t)size);
    rv = ring_put(used->view, bytes, (size_t)size);
    assert_true(rv != MPROC_EMSGSIZE);
    assert_may_be(used, rv);
    used->nput += rv == APR_SUCCESS;
    free(bytes);
}

/* A block of just its size. */
static void get(used_t *used, apr_uint64_t capacity)
{
    size_t most = (size_t)(capacity % MESSAGE_MAX), size = 0, i;
    unsigned char *bytes = malloc(most + 1);
    apr_status_t rv;

    assert_non_null(bytes);
    rv = ring_get(used->view, bytes, most, &size);
    assert_may_be(used, rv);
    assert_true(rv != APR_SUCCESS || size <= most);
    for (i = 0; rv == APR_SUCCESS && !used->is_damaged && i < size; i++)
        assert_int_equal(bytes[i], size & 0x7f);
    used->ngot += rv == APR_SUCCESS;
    free(bytes);
}

static void ask(const used_t *used)
{
    size_t messages = 0;
    unsigned place;

    assert_may_be(used, mproc__ring_count(used->view, &messages));
    if (!used->is_damaged && atomic_load(&plain_ring.state) != MPROC__RING_SHUT)
        assert_int_equal(messages, used->nput - used->ngot);
    mproc__ring_is_full(used->view);
    mproc__ring_is_ready(used->view);
    for (place = 0; place < RING_PLACES; place++)
        mproc__ring_claim(used->view, place);
}

/* -- Damage ------------------------------------------------------------------------------ */

/* A lock whose owner lives makes everybody wait, and harms nothing; see test_ring.c. */
static void free_locks(void)
{
    atomic_store(&plain_ring.putting.owner, 0);
    atomic_store(&plain_ring.getting.owner, 0);
}

static void harm(used_t *used, void *memory, size_t size, apr_uint64_t place, apr_uint64_t value)
{
    memcpy((unsigned char *)memory + place % (size / 8) * 8, &value, 8);
    used->is_damaged = 1;
}

static void harm_record(used_t *used, apr_uint64_t kind, apr_uint64_t size)
{
    apr_uint64_t at = mproc__index_position(atomic_load(&plain_ring.index.head));

    harm(used, used->view->bytes.data, CAPACITY, at / 8,
         (kind % 8) << 32 | (size & 0xffffffff));
}

static void harm_index(used_t *used, _Atomic mproc__index_t *index, apr_uint64_t by,
                       apr_uint64_t open)
{
    atomic_store(index, mproc__index_advance(atomic_load(index), by & ~(apr_uint64_t)7,
                                             (uint32_t)(by >> 32), open & 1));
    used->is_damaged = 1;
}

/* -- Steps ------------------------------------------------------------------------------- */

static void take_step(used_t *used, unsigned action, apr_uint64_t one, apr_uint64_t two)
{
    mproc__ring_view_t *view = used->view;

    switch (action) {
    case PUT: put(used, one); break;
    case PUT_DEAD:
        if (used->ndead++ == 0)
            atomic_store(&plain_ring.putting.owner, DEAD_MEMBER);
        put(used, one);
        break;
    case GET: get(used, one); break;
    case ASK: ask(used); break;
    case SHUT_DOWN:
        assert_success(
            mproc__ring_shut_down(view, one % 2 ? MPROC__RING_SHUT : MPROC__RING_DRAINING));
        break;
    case HARM_RING: harm(used, &plain_ring, sizeof plain_ring, one, two); break;
    case HARM_TABLE: harm(used, &plain_table, sizeof plain_table, one, two); break;
    case HARM_DATA: harm(used, view->bytes.data, CAPACITY, one, two); break;
    case HARM_HEAD: harm_index(used, &plain_ring.index.head, one, two); break;
    case HARM_TAIL: harm_index(used, &plain_ring.index.tail, one, two); break;
    default: harm_record(used, one, two); break;
    }
    if (used->is_damaged)
        free_locks();
}

/* The first number of a step has 56 bits. */
void try_decoder(const unsigned char *bytes, size_t size, apr_pool_t *mem)
{
    used_t used = {make_ring(CAPACITY, 0, mem), 0, 0, 0, 0};

    for (; size >= STEP; bytes += STEP, size -= STEP) {
        apr_uint64_t number = mproc__get_u64(bytes);
        take_step(&used, (unsigned)(number & 0xff) % ACTIONS, number >> 8,
                  mproc__get_u64(bytes + 8));
    }
    put(&used, 8);
    get(&used, MESSAGE_MAX - 1);
    ask(&used);
}
