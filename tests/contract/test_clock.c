/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The clock of the port, and that a wait never ends before its deadline on it.
 */

#include "contract.h"

static void the_clock_never_goes_back(void **state)
{
    port_deadline_t before = port_clock();
    int i;

    (void)state;
    for (i = 0; i < 100000; i++) {
        port_deadline_t now = port_clock();
        assert_true(now >= before);
        before = now;
    }
}

static void the_clock_goes_on(void **state)
{
    port_deadline_t start = port_clock(), limit = start + 30 * (port_deadline_t)1000000;

    (void)state;
    while (port_clock() == start)
        ;
    assert_true(port_clock() < limit);
}

/* Both clocks look at the same second; one of them may be set meanwhile, but not by an hour. */
static void the_clock_counts_microseconds(void **state)
{
    apr_time_t wall = apr_time_now();
    port_deadline_t start = port_clock();

    (void)state;
    apr_sleep(200000);
    assert_true(port_clock() - start >= 190000);
    assert_true(port_clock() - start < apr_time_now() - wall + 60 * (apr_time_t)1000000);
}

static void the_clock_lies_between_the_deadlines_that_are_no_moments(void **state)
{
    (void)state;
    assert_true(PORT_NOW < port_clock());
    assert_true(port_clock() < PORT_NEVER);
}

static void a_wait_does_not_end_before_its_deadline(void **state)
{
    port_channel_t *here, *there;
    size_t received;
    char byte;
    int i;

    assert_success(port_channel_pair(&here, &there, PORT_READ | PORT_WRITE, *state));
    for (i = 1; i <= 20; i++) {
        port_deadline_t deadline = port_clock() + i * 1337;
        assert_int_equal(port_channel_read(here, &byte, 1, deadline, &received), APR_TIMEUP);
        assert_true(port_clock() >= deadline);
    }
    port_channel_close(here);
    port_channel_close(there);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(the_clock_never_goes_back),
        claim(the_clock_goes_on),
        claim(the_clock_counts_microseconds),
        claim(the_clock_lies_between_the_deadlines_that_are_no_moments),
        claim(a_wait_does_not_end_before_its_deadline),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
