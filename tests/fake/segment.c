/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A segment is the bytes of an end that nobody reads, known by one handle.  Who
 * sleeps in it sleeps until its deadline, or until a child has done anything.
 */

#include "internal.h"

#include "patience.h"

#include <stdlib.h>
#include <string.h>

/* The memory begins on a page, which is more than what malloc() promises. */
#define PAGE ((size_t)4096)

/* How long who is woken for no reason has slept. */
#define MOMENT apr_time_from_msec(1)

struct port_segment_t {
    port_handle_t handle;
};

static fake_end_t *end_of(const port_segment_t *segment)
{
    fake_end_t *end = fake_handle_end(segment->handle);

    assert_non_null(end); /* nothing that is closed is used */
    return end;
}

static port_segment_t *make_segment(port_handle_t handle, apr_pool_t *mem)
{
    port_segment_t *segment = apr_palloc(mem, sizeof *segment);

    segment->handle = handle;
    return segment;
}

static apr_status_t create_segment(port_segment_t **segment, size_t size, apr_pool_t *mem)
{
    fake_end_t *ends[2];

    fake_ends_make(ends, PORT_READ);
    free(ends[0]->bytes);
    ends[0]->bytes = calloc(1, size + PAGE);
    assert_non_null(ends[0]->bytes);
    ends[0]->size = size;
    *segment = make_segment(fake_handle_open(ends[0], FAKE_THIS_PROCESS), mem);
    return APR_SUCCESS;
}

apr_status_t port_segment_create(port_segment_t **segment, size_t size, apr_pool_t *mem)
{
    assert_true(size > 0);
    MPROC_TRY(fake_call());
    return create_segment(segment, size, mem);
}

apr_status_t port_segment_create_growing(port_segment_t **segment, size_t size, size_t most,
                                         apr_pool_t *mem)
{
    assert_true(size > 0 && size <= most && size % PAGE == 0 && most % PAGE == 0);
    MPROC_TRY(fake_call());
    return create_segment(segment, most, mem);
}

static void check_part(const port_segment_t *segment, size_t from, size_t to)
{
    assert_true(from <= to && to <= end_of(segment)->size && from % PAGE == 0 && to % PAGE == 0);
}

apr_status_t port_segment_grow(port_segment_t *segment, size_t from, size_t to)
{
    check_part(segment, from, to);
    return fake_call();
}

apr_status_t port_segment_follow(port_segment_t *segment, size_t from, size_t to)
{
    check_part(segment, from, to);
    return fake_call();
}

size_t port_segment_handles(const port_segment_t *segment,
                            port_handle_t handles[PORT_SEGMENT_HANDLES_MAX])
{
    handles[0] = segment->handle;
    return 1;
}

apr_status_t port_segment_adopt(port_segment_t **segment, const port_handle_t *handles,
                                size_t nhandles, apr_pool_t *mem)
{
    MPROC_TRY(fake_call());
    if (nhandles != 1 || fake_handle_end(handles[0]) == NULL)
        return APR_EBADF;
    *segment = make_segment(handles[0], mem);
    return APR_SUCCESS;
}

void *port_segment_memory(const port_segment_t *segment)
{
    unsigned char *bytes = end_of(segment)->bytes;

    return bytes + (PAGE - (uintptr_t)bytes % PAGE) % PAGE;
}

size_t port_segment_size(const port_segment_t *segment)
{
    return end_of(segment)->size;
}

void port_segment_close(port_segment_t *segment)
{
    fake_handle_close(segment->handle);
    segment->handle = PORT_NO_HANDLE;
}

void port_segment_forget(port_segment_t *segment)
{
    segment->handle = PORT_NO_HANDLE;
}

/* -- Sleeping ---------------------------------------------------------------------- */

/*
 * The way in which this fails is that it returns for no reason, when some time has passed.  A wake may
 * be lost, so that nobody may trust in one for long.
 */
void port_park(port_segment_t *segment, unsigned park, _Atomic uint32_t *word, uint32_t seen,
               port_deadline_t deadline)
{
    port_deadline_t moment = port_clock() + MOMENT;

    assert_true(park < PORT_PARKS && deadline <= port_clock() + MPROC__SLICE_MAX);
    end_of(segment);
    mproc__failpoint();
    if (fake_call() != APR_SUCCESS && moment < deadline)
        fake_let_time_pass(moment);
    else if (atomic_load(word) == seen)
        fake_let_time_pass(deadline);
}

unsigned port_unpark(port_segment_t *segment, unsigned park, _Atomic uint32_t *word, unsigned count)
{
    assert_true(park < PORT_PARKS && count > 0);
    end_of(segment);
    (void)word;
    fake_something_was_done();
    return 0;
}

void port_bell_ring(port_segment_t *segment)
{
    end_of(segment)->is_ringing = 1;
    fake_something_was_done();
}

void port_bell_still(port_segment_t *segment)
{
    end_of(segment)->is_ringing = 0;
}

int fake_bell_is_ringing(const port_segment_t *segment)
{
    return end_of(segment)->is_ringing;
}

void port_yield(void)
{
}

void port_pause(void)
{
}

/* -- Lives -------------------------------------------------------------------------- */

static struct {
    int (*has_let_go)(unsigned place);
    apr_status_t renewal;
} lives;

void fake_lives_let_go(int (*has_let_go)(unsigned place))
{
    lives.has_let_go = has_let_go;
}

void fake_renewals_return(apr_status_t status)
{
    lives.renewal = status;
}

apr_status_t port_life_begin(port_segment_t *segment, unsigned place, port_life_t *life)
{
    (void)place;
    end_of(segment);
    MPROC_TRY(fake_call());
    *life = (port_life_t)port_pid();
    return APR_SUCCESS;
}

void port_life_end(port_segment_t *segment, unsigned place)
{
    (void)place;
    end_of(segment);
}

apr_status_t port_life_renew(port_segment_t *segment, unsigned place)
{
    (void)place;
    end_of(segment);
    return lives.renewal;
}

/* This process lives, and so does the parent of a copy; of children it is known whether they run. */
int port_life_is_over(port_segment_t *segment, unsigned place, port_life_t life)
{
    const fake_child_t *child = fake_child_of_pid(port_life_pid(life));

    (void)place;
    end_of(segment);
    return child != NULL && !child->is_running;
}

/* Never, unless a test has its own answer. */
int port_life_has_let_go(port_segment_t *segment, unsigned place, port_life_t life)
{
    (void)life;
    end_of(segment);
    return lives.has_let_go != NULL && lives.has_let_go(place);
}

apr_int64_t port_life_pid(port_life_t life)
{
    return (apr_int64_t)life;
}
