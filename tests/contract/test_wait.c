/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting on several channels and processes at once.
 */

#include "spawned.h"

#include <string.h>

#define BOTH (PORT_READ | PORT_WRITE)
#define MANY 200

static port_waitable_t channel_to_wait_on(port_channel_t **other, apr_pool_t *mem)
{
    port_waitable_t what = {.is_ready = 0};

    assert_success(port_channel_pair(&what.channel, other, BOTH, mem));
    return what;
}

static void close_both(port_waitable_t *what, port_channel_t *other)
{
    port_channel_close(what->channel);
    port_channel_close(other);
}

static void nothing_is_ready_until_the_deadline(void **state)
{
    port_channel_t *other;
    port_waitable_t what[2] = {channel_to_wait_on(&other, *state), {.is_ready = 0}};
    port_deadline_t deadline = in_a_moment();

    assert_true(APR_STATUS_IS_TIMEUP(port_wait(what, 2, PORT_NOW)));
    assert_true(APR_STATUS_IS_TIMEUP(port_wait(what, 2, deadline)));
    assert_true(port_clock() >= deadline);
    assert_true(!what[0].is_ready && !what[1].is_ready);
    close_both(&what[0], other);
}

static void all_that_can_be_read_are_marked(void **state)
{
    port_channel_t *others[3];
    port_waitable_t what[3];
    int i;

    for (i = 0; i < 3; i++)
        what[i] = channel_to_wait_on(&others[i], *state);
    say(others[0], "word");
    port_channel_close(others[2]);
    assert_success(port_wait(what, 3, in_good_time()));
    assert_true(what[0].is_ready && !what[1].is_ready && what[2].is_ready);
    assert_string_equal(hear(what[0].channel, *state), "word");
    assert_string_equal(hear(what[2].channel, *state), "(end)");
    close_both(&what[0], others[0]);
    close_both(&what[1], others[1]);
    port_channel_close(what[2].channel);
}

/* Nothing is waited for, and the others are looked at all the same. */
static void what_is_known_to_be_ready_ends_the_wait(void **state)
{
    port_channel_t *others[2];
    port_waitable_t what[3] = {channel_to_wait_on(&others[0], *state),
                               channel_to_wait_on(&others[1], *state),
                               {.is_ready = 1}};

    say(others[1], "word");
    assert_success(port_wait(what, 3, PORT_NOW));
    assert_true(!what[0].is_ready && what[1].is_ready && what[2].is_ready);
    close_both(&what[0], others[0]);
    close_both(&what[1], others[1]);
}

static void nothing_is_taken_away(void **state)
{
    port_channel_t *other;
    port_waitable_t what = channel_to_wait_on(&other, *state);
    int i;

    say(other, "word");
    for (i = 0; i < 3; i++) {
        what.is_ready = 0;
        assert_success(port_wait(&what, 1, in_good_time()));
        assert_true(what.is_ready);
    }
    assert_string_equal(hear(what.channel, *state), "word");
    what.is_ready = 0;
    assert_true(APR_STATUS_IS_TIMEUP(port_wait(&what, 1, PORT_NOW)));
    close_both(&what, other);
}

static void a_process_is_ready_when_it_has_ended(void **state)
{
    static const char *const words[] = {WAIT, NULL};
    child_t child = {.words = words};
    port_waitable_t what = {.is_ready = 0};

    assert_success(start_child(&child, *state));
    assert_string_equal(hear(child.control, *state), "born");
    what.process = child.process;
    assert_true(APR_STATUS_IS_TIMEUP(port_wait(&what, 1, in_a_moment())));
    assert_success(port_process_stop(child.process, 9));
    assert_success(port_wait(&what, 1, in_good_time()));
    assert_true(what.is_ready);
    end_child(&child, PORT_SIGNALED, 9);
}

static void the_last_of_many_is_found(void **state)
{
    port_channel_t *others[MANY];
    port_waitable_t what[MANY];
    int i, count = 0;

    for (i = 0; i < MANY; i++)
        what[i] = channel_to_wait_on(&others[i], *state);
    assert_true(APR_STATUS_IS_TIMEUP(port_wait(what, MANY, in_a_moment())));
    say(others[MANY - 1], "word");
    assert_success(port_wait(what, MANY, in_good_time()));
    for (i = 0; i < MANY; i++)
        count += what[i].is_ready;
    assert_true(what[MANY - 1].is_ready && count == 1);
    for (i = 0; i < MANY; i++)
        close_both(&what[i], others[i]);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        claim(nothing_is_ready_until_the_deadline),
        claim(all_that_can_be_read_are_marked),
        claim(what_is_known_to_be_ready_ends_the_wait),
        claim(nothing_is_taken_away),
        claim(a_process_is_ready_when_it_has_ended),
        claim(the_last_of_many_is_found),
    };

    run_if_child(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
