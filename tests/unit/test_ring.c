/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The ring on its own, and what it does about memory that another process has
 * damaged: every call returns.
 */

#include "rings.h"
#include "threads.h"
#include "unit.h"

#include <stdlib.h>

#define CAPACITY 4096
#define IN_PIECES (3 * CAPACITY)

static unsigned char bytes[IN_PIECES];

static mproc__index_t head(void)
{
    return atomic_load(&plain_ring.index.head);
}

static mproc__index_t tail(void)
{
    return atomic_load(&plain_ring.index.tail);
}

/* -- Messages that are given up -------------------------------------------------- */

/* No getter is there: the room is free again at once. */
static void a_message_that_was_given_up_leaves_no_trace(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    mproc__index_t before;
    size_t size;

    assert_success(ring_put(view, "word", 4));
    before = tail();
    assert_int_equal(ring_put(view, bytes, IN_PIECES), APR_TIMEUP);
    assert_true(tail() == before && head() == 0);
    assert_success(ring_get(view, bytes, 4, &size));
    assert_false(mproc__ring_is_ready(view));
    assert_int_equal(ring_get(view, bytes, 4, &size), APR_TIMEUP);
}

/* The getters' lock is another's meanwhile: then the message says that it was given up. */
static void give_up_while_a_getter_has_its_lock(mproc__ring_view_t *view)
{
    atomic_store(&plain_ring.getting.owner, view->member.id);
    assert_int_equal(ring_put(view, bytes, IN_PIECES), APR_TIMEUP);
    atomic_store(&plain_ring.getting.owner, 0);
}

static void a_message_that_was_given_up_is_passed_over(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    size_t size, count = 77;

    give_up_while_a_getter_has_its_lock(view);
    assert_true(mproc__ring_is_ready(view));
    assert_success(mproc__ring_count(view, &count));
    assert_int_equal(count, 0);
    assert_int_equal(ring_get(view, bytes, IN_PIECES, &size), APR_TIMEUP);
    assert_success(ring_put(view, "word", 4));
    assert_success(ring_get(view, bytes, 4, &size));
}

/* It is not there, so it is not too large either. */
static void a_message_that_was_given_up_is_not_too_large(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    size_t size = 77;

    give_up_while_a_getter_has_its_lock(view);
    assert_int_equal(ring_get(view, bytes, 4, &size), APR_TIMEUP);
    assert_false(mproc__ring_is_ready(view));
    give_up_while_a_getter_has_its_lock(view);
    atomic_store(&plain_ring.state, MPROC__RING_DRAINING);
    assert_int_equal(ring_get(view, bytes, 4, &size), MPROC_ESHUTDOWN);
    assert_int_equal(size, 77);
}

/* -- Locks that others have --------------------------------------------------------- */

static void who_has_no_patience_does_not_wait_for_a_lock(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    size_t size;

    atomic_store(&plain_ring.putting.owner, view->member.id);
    assert_int_equal(ring_put(view, "word", 4), APR_TIMEUP);
    assert_int_equal(ring_get(view, bytes, 4, &size), APR_TIMEUP);
    atomic_store(&plain_ring.getting.owner, view->member.id);
    assert_int_equal(ring_get(view, bytes, 4, &size), APR_TIMEUP);
}

/* Whether a put is still under way can only be known when the putters' lock is free. */
static void who_drains_does_not_wait_for_the_putters_lock_beyond_its_timeout(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    size_t size;

    atomic_store(&plain_ring.state, MPROC__RING_DRAINING);
    atomic_store(&plain_ring.putting.owner, view->member.id);
    assert_int_equal(ring_get(view, bytes, 4, &size), APR_TIMEUP);
    atomic_store(&plain_ring.putting.owner, DEAD_MEMBER);
    assert_int_equal(ring_get(view, bytes, 4, &size), MPROC_ESHUTDOWN);
}

static void locks_of_the_dead_are_taken_over(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    size_t size;

    atomic_store(&plain_ring.putting.owner, DEAD_MEMBER);
    atomic_store(&plain_ring.getting.owner, DEAD_MEMBER + 1);
    assert_success(ring_put(view, "word", 4));
    assert_success(ring_get(view, bytes, 4, &size));
    assert_true(atomic_load(&plain_ring.putting.owner) == 0 &&
                atomic_load(&plain_ring.getting.owner) == 0);
}

/* -- Damage -------------------------------------------------------------------------- */

static void assert_corrupt(mproc__ring_view_t *view)
{
    size_t size = 77, count = 77;

    assert_int_equal(ring_get(view, bytes, sizeof bytes, &size), MPROC_ECORRUPT);
    assert_int_equal(mproc__ring_count(view, &count), MPROC_ECORRUPT);
    assert_true(mproc__ring_is_full(view));
    assert_true(size == 77 && count == 77);
}

static void indexes_too_far_from_each_other_are_found(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);

    atomic_store(&plain_ring.index.tail, mproc__index_advance(0, CAPACITY + 8, 1, 0));
    assert_int_equal(ring_put(view, "word", 4), MPROC_ECORRUPT);
    assert_int_equal(ring_put(view, bytes, IN_PIECES), MPROC_ECORRUPT);
    assert_corrupt(view);
}

/* A putter looks at the head when the room that it knows of is used up. */
static void a_head_beyond_the_tail_is_found(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    apr_status_t rv;
    int i;

    atomic_store(&plain_ring.index.head, mproc__index_advance(0, CAPACITY + 8, 1, 0));
    assert_corrupt(view);
    for (i = 0, rv = APR_SUCCESS; i < 5 && rv == APR_SUCCESS; i++)
        rv = ring_put(view, bytes, 1000);
    assert_int_equal(rv, MPROC_ECORRUPT);
}

static apr_uint64_t header_of(apr_uint64_t kind, apr_uint64_t size)
{
    return kind << 32 | size;
}

static void write_header(mproc__ring_view_t *view, apr_uint64_t header)
{
    memcpy(view->bytes.data, &header, sizeof header);
}

/* Beyond what was put, beyond the ring, beyond 32 bits. */
static void a_size_that_cannot_be_is_found(void **state)
{
    static const apr_uint64_t kinds[] = {0, MPROC__MIDDLE, MPROC__LAST, 6, 0xffffffff};
    static const size_t sizes[] = {9, CAPACITY - 8, CAPACITY, 0xfffffff8, 0xffffffff};
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    size_t i, size;

    assert_success(ring_put(view, "word", 4));
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_header(view, header_of(MPROC__WHOLE, sizes[i]));
        assert_int_equal(ring_get(view, bytes, sizeof bytes, &size), MPROC_ECORRUPT);
    }
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        write_header(view, header_of(kinds[i], 4));
        assert_int_equal(ring_get(view, bytes, sizeof bytes, &size), MPROC_ECORRUPT);
    }
    write_header(view, header_of(MPROC__WHOLE, 4));
    assert_success(ring_get(view, bytes, sizeof bytes, &size));
}

/* The rest of it never comes, as nobody is putting it. */
static void a_message_in_pieces_that_is_none_is_found(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    size_t size;

    assert_success(ring_put(view, "8 bytes.", 8));
    memset(view->bytes.data + 8, 0, 8); /* as many as there is room for */
    write_header(view, header_of(MPROC__FIRST, 8));
    assert_int_equal(ring_get(view, bytes, sizeof bytes, &size), MPROC_ECORRUPT);
    assert_int_equal(ring_get(view, bytes, sizeof bytes, &size), MPROC_ECORRUPT);
}

static void a_message_that_nobody_puts_is_not_waited_for(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    size_t size;

    atomic_store(&plain_ring.index.head, MPROC__INDEX_OPEN);
    assert_int_equal(ring_get(view, bytes, sizeof bytes, &size), MPROC_ECORRUPT);
    atomic_store(&plain_ring.index.tail, MPROC__INDEX_OPEN);
    assert_int_equal(ring_get(view, bytes, sizeof bytes, &size), APR_TIMEUP);
}

/* A piece that goes beyond the size that was announced would go beyond the buffer. */
static void pieces_that_are_more_than_was_announced_are_found(void **state)
{
    static const apr_uint64_t kinds[] = {MPROC__MIDDLE, MPROC__LAST};
    size_t i, size;

    for (i = 0; i < 2; i++) {
        mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
        apr_uint64_t total = 16;
        mproc__record_write(&view->bytes, 0, MPROC__FIRST, &total, 8);
        mproc__record_write(&view->bytes, mproc__index_advance(0, 16, 0, 0), kinds[i], bytes, 24);
        atomic_store(&plain_ring.index.tail, mproc__index_advance(0, 48, 1, 0));
        assert_int_equal(ring_get(view, bytes, 16, &size), MPROC_ECORRUPT);
    }
}

/* -- What is noted ------------------------------------------------------------------- */

/* It is not known yet whether it is a message; what was got before it says nothing of it. */
static void what_was_taken_in_part_is_lost_when_it_has_ended(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    mproc__claim_t claim;
    size_t size;

    assert_success(ring_put(view, "word", 4));
    assert_success(ring_get(view, bytes, 4, &size));
    mproc__ring_claim_messages(view, 2, 1);
    assert_int_equal(mproc__ring_claim(view, view->member.place).count, 0);
    atomic_store(&plain_ring.index.head,
                 mproc__index_advance(atomic_load(&plain_ring.index.head), 16, 1, 0));
    claim = mproc__ring_claim(view, view->member.place);
    assert_true(claim.first == 2 && claim.count == 1);
}

/* The number goes to no message: it was never put, nor will be. */
static void what_was_taken_in_part_when_all_is_thrown_away_is_not_lost(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);

    mproc__ring_claim_messages(view, 1, 1);
    atomic_store(&plain_ring.getting.owner, DEAD_MEMBER);
    atomic_store(&plain_ring.index.head, MPROC__INDEX_OPEN);
    atomic_store(&plain_ring.index.tail, MPROC__INDEX_OPEN);
    assert_success(mproc__ring_shut_down(view, MPROC__RING_SHUT));
    assert_int_equal(mproc__ring_claim(view, view->member.place).count, 0);
}

static apr_status_t get_in_pieces(void *data)
{
    mproc__ring_view_t *view = data;
    static unsigned char got[IN_PIECES];
    size_t size;
    apr_status_t rv;

    do
        rv = ring_get(view, got, sizeof got, &size);
    while (APR_STATUS_IS_TIMEUP(rv));
    return rv;
}

/* Behind that an index could come round, and what is seen of it lie on its other side. */
static void what_a_side_has_seen_is_no_older_than_the_ring_is_long(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    mproc_bytes_t message = {bytes, IN_PIECES};
    work_t getting;
    size_t put;

    assert_success(start_thread(&getting, get_in_pieces, view, *state));
    assert_success(mproc__ring_put(view, &message, 1, &put, &patience));
    assert_success(end_thread(&getting));
    assert_true(mproc__index_distance(plain_ring.putting.guarded[MPROC__SEEN], tail()) <= CAPACITY);
    assert_true(mproc__index_distance(head(), plain_ring.getting.guarded[MPROC__SEEN]) <= CAPACITY);
}

/* Who sweeps the dead may take a new member at the place of one for it. */
static void who_goes_to_sleep_is_counted_whatever_became_of_another_thread(void **state)
{
    mproc__ring_view_t *view = make_ring(CAPACITY, 0, *state);

    mproc__event_prepare(&view->member, MPROC__NOT_EMPTY);
    atomic_store(&plain_ring.events[MPROC__NOT_EMPTY].sleepers[0], 0);
    mproc__event_prepare(&view->member, MPROC__NOT_EMPTY);
    assert_true(mproc__event_has_sleepers(&view->member, MPROC__NOT_EMPTY));
    mproc__event_finish(&view->member, MPROC__NOT_EMPTY);
    mproc__event_finish(&view->member, MPROC__NOT_EMPTY);
    assert_false(mproc__event_has_sleepers(&view->member, MPROC__NOT_EMPTY));
}

/* -- Many members ----------------------------------------------------------------------- */

static mproc__member_t *join(port_segment_t *segment, mproc__ring_t *ring, unsigned nplaces,
                             apr_pool_t *mem)
{
    mproc__member_t *member = apr_pcalloc(mem, sizeof *member);
    int i;

    member->segment = segment;
    member->members = (mproc__members_t *)(void *)(ring + 1);
    member->places = (mproc__place_t *)(void *)(member->members + 1);
    member->nplaces = nplaces;
    for (i = 0; i < MPROC__EVENTS_MAX; i++)
        member->events[i] = &ring->events[i];
    return mproc__member_join(member, mem) == APR_SUCCESS ? member : NULL;
}

/* Each puts and gets as itself; the next after the last finds no place until one leaves. */
static void four_thousand_members_have_a_place_each(void **state)
{
    enum { ALL = MPROC__MEMBERS_MAX };
    static mproc__member_t *members[ALL];
    port_segment_t *segment;
    mproc__ring_t *ring;
    unsigned i;

    assert_success(port_segment_create(&segment, sizeof *ring + mproc__members_size(ALL), *state));
    ring = port_segment_memory(segment);
    for (i = 0; i < ALL; i++) {
        members[i] = join(segment, ring, ALL, *state);
        assert_true(members[i] != NULL && members[i]->place == i);
        assert_true(mproc__lock_try(&ring->putting, members[i]));
        assert_false(mproc__lock_is_abandoned(&ring->putting, members[0]));
        mproc__lock_release(&ring->putting);
    }
    assert_null(join(segment, ring, ALL, *state));
    mproc__member_leave(members[2000]);
    assert_true(mproc__member_is_dead(members[0], members[2000]->id));
    assert_int_equal(join(segment, ring, ALL, *state)->place, 2000);
    port_segment_close(segment);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_message_that_was_given_up_leaves_no_trace),
        claim(a_message_that_was_given_up_is_passed_over),
        claim(a_message_that_was_given_up_is_not_too_large),
        claim(who_has_no_patience_does_not_wait_for_a_lock),
        claim(who_drains_does_not_wait_for_the_putters_lock_beyond_its_timeout),
        claim(locks_of_the_dead_are_taken_over),
        claim(indexes_too_far_from_each_other_are_found),
        claim(a_head_beyond_the_tail_is_found),
        claim(a_size_that_cannot_be_is_found),
        claim(a_message_in_pieces_that_is_none_is_found),
        claim(a_message_that_nobody_puts_is_not_waited_for),
        claim(pieces_that_are_more_than_was_announced_are_found),
        claim(what_was_taken_in_part_is_lost_when_it_has_ended),
        claim(what_was_taken_in_part_when_all_is_thrown_away_is_not_lost),
        claim(what_a_side_has_seen_is_no_older_than_the_ring_is_long),
        claim(who_goes_to_sleep_is_counted_whatever_became_of_another_thread),
        claim(four_thousand_members_have_a_place_each),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
