/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Children without a process: what they have, and the ways in which they act.
 */

#include "internal.h"

#include "bootstrap.h"

#include <stdlib.h>
#include <string.h>

enum { CHILDREN = 16 };

static fake_child_t children[CHILDREN];
static int count;
static fake_act_fn *way;
static int are_stubborn;

void fake_children_act(fake_act_fn *act, int is_stubborn)
{
    way = act;
    are_stubborn = is_stubborn;
}

fake_child_t *fake_last_child(void)
{
    return count > 0 ? &children[count - 1] : NULL;
}

const fake_child_t *fake_child_at(apr_int64_t number)
{
    return number >= 1 && number <= count ? &children[number - 1] : NULL;
}

fake_child_t *fake_child_begin(const port_handle_t *handles, size_t nhandles)
{
    fake_child_t *child = &children[count];
    size_t i;

    assert_true(count < CHILDREN && nhandles <= FAKE_HANDLES_MAX);
    memset(child, 0, sizeof *child);
    child->number = ++count;
    child->is_running = 1;
    child->act = way;
    child->is_stubborn = are_stubborn;
    for (i = 0; i < nhandles; i++) {
        fake_end_t *end = fake_handle_end(handles[i]);
        assert_non_null(end);
        child->handles[i] = fake_handle_open(end, child->number);
    }
    child->nhandles = nhandles;
    return child;
}

void fake_children_reset(void)
{
    while (count > 0)
        fake_handles_close_of(count--);
    fake_children_act(fake_obeys, 0);
}

void fake_children_count(int *running, int *unreaped)
{
    int i;

    *running = *unreaped = 0;
    for (i = 0; i < count; i++) {
        *running += children[i].is_running;
        *unreaped += !children[i].is_running && !children[i].is_reaped;
    }
}

int fake_children_have_acted(void)
{
    int i, has_acted = 0;

    fake_pause();
    for (i = 0; i < count; i++)
        if (children[i].is_running && children[i].act(&children[i]))
            has_acted = 1;
    fake_resume();
    return has_acted;
}

void fake_let_all_act(void)
{
    while (fake_children_have_acted())
        ;
}

void fake_child_end(fake_child_t *child, port_ending_t ending, apr_int64_t code)
{
    fake_handles_close_of(child->number);
    child->is_running = 0;
    child->how = (port_exit_t){ending, code};
}

/* -- Speaking and hearing --------------------------------------------------------- */

void fake_child_say(const fake_child_t *child, const void *data, size_t size)
{
    assert_int_equal(fake_end_put(fake_handle_end(child->handles[0]), data, size), size);
}

static void report(const fake_child_t *child, mproc__outcome_t outcome, apr_status_t status,
                   const char *words)
{
    mproc__report_t told = {outcome, status, words};
    mproc__buffer_t buffer = {NULL, 0, 0};

    assert_int_equal(mproc__report_encode(&buffer, &told), APR_SUCCESS);
    fake_child_say(child, buffer.bytes, buffer.size);
    mproc__buffer_free(&buffer);
}

void fake_child_returns(fake_child_t *child, apr_status_t status, const char *words)
{
    report(child, MPROC__RETURNED, status, words);
    fake_child_end(child, PORT_EXITED, status != APR_SUCCESS);
}

/* A copy is told with one byte to go on; another child has a start message to read. */
static int has_heard_all(fake_child_t *child)
{
    size_t rest;

    child->nheard += fake_end_take(fake_handle_end(child->handles[0]), child->heard + child->nheard,
                                   sizeof child->heard - child->nheard);
    if (child->is_copy)
        return child->nheard == 1;
    if (child->nheard < MPROC__START_HEADER)
        return 0;
    assert_int_equal(mproc__start_rest(&rest, child->heard), APR_SUCCESS);
    return child->nheard == MPROC__START_HEADER + rest;
}

static int is_left_alone(const fake_child_t *child)
{
    const fake_end_t *end = fake_handle_end(child->handles[0]);

    return end->size == 0 && end->peer->handles == 0;
}

/*
 * A copy says that it is ready before it may go on, and another child when it has understood.  One
 * that will hear nothing more ends.
 */
static int reach_target(fake_child_t *child)
{
    static const char ready = MPROC__WORD_READY;
    int has_heard = has_heard_all(child);

    if (!has_heard && is_left_alone(child)) {
        fake_child_end(child, PORT_EXITED, MPROC_EXIT_HANDSHAKE);
        return 1;
    }
    if (child->has_spoken || !(child->is_copy || has_heard))
        return 0;
    fake_child_say(child, &ready, 1);
    child->has_spoken = 1;
    return 1;
}

static int is_at_target(fake_child_t *child)
{
    return child->has_spoken && has_heard_all(child);
}

/* -- Ways to act -------------------------------------------------------------------- */

static int end_with(fake_child_t *child, mproc__outcome_t outcome, apr_status_t status,
                    const char *words, int code)
{
    if (!is_at_target(child))
        return reach_target(child);
    report(child, outcome, status, words);
    fake_child_end(child, PORT_EXITED, code);
    return 1;
}

int fake_obeys(fake_child_t *child)
{
    return end_with(child, MPROC__RETURNED, APR_SUCCESS, "", 0);
}

int fake_fails(fake_child_t *child)
{
    return end_with(child, MPROC__RETURNED, APR_EGENERAL, "it was no good day", 1);
}

int fake_exits(fake_child_t *child)
{
    return end_with(child, MPROC__EXITED, APR_SUCCESS, "", 3);
}

int fake_dies(fake_child_t *child)
{
    if (!is_at_target(child))
        return reach_target(child);
    fake_child_end(child, PORT_SIGNALED, 11);
    return 1;
}

int fake_refuses(fake_child_t *child)
{
    static const char refused = MPROC__WORD_REFUSED;

    fake_child_say(child, &refused, 1);
    report(child, MPROC__REFUSED, MPROC_EBUILD, "it is another build");
    fake_child_end(child, PORT_EXITED, MPROC_EXIT_HANDSHAKE);
    return 1;
}

int fake_is_idle(fake_child_t *child)
{
    return reach_target(child);
}

int fake_is_silent(fake_child_t *child)
{
    (void)child;
    return 0;
}
