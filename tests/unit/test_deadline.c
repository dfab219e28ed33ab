/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one meaning of a timeout.
 */

#include "unit.h"

#include "deadline.h"

static void only_forever_never_comes(void **state)
{
    (void)state;
    assert_true(mproc__deadline(MPROC_FOREVER) == PORT_NEVER);
    assert_true(mproc__deadline(MPROC_FOREVER - 1) != PORT_NEVER);
    assert_true(mproc__deadline(-1) != PORT_NEVER);
}

static void zero_and_every_negative_timeout_look_once(void **state)
{
    (void)state;
    assert_true(mproc__deadline(0) == PORT_NOW);
    assert_true(mproc__deadline(-1) == PORT_NOW);
    assert_true(mproc__deadline(INT64_MIN) == PORT_NOW);
    assert_true(mproc__deadline(INT64_MIN + 1) == PORT_NOW);
}

static void a_timeout_counts_from_now(void **state)
{
    port_deadline_t before = port_clock(), deadline = mproc__deadline(5000000),
                    after = port_clock();

    (void)state;
    assert_true(deadline >= before + 5000000);
    assert_true(deadline <= after + 5000000);
}

static void the_shortest_timeout_is_in_the_future_of_its_call(void **state)
{
    port_deadline_t before = port_clock();

    (void)state;
    assert_true(mproc__deadline(1) > before);
}

static void the_longest_timeout_does_not_overflow(void **state)
{
    port_deadline_t now = port_clock();

    (void)state;
    assert_true(mproc__deadline(INT64_MAX - 1) > now);
    assert_true(mproc__deadline(INT64_MAX - now) > now);
    assert_true(mproc__deadline(INT64_MAX - now - 1) > now);
    assert_true(mproc__deadline(INT64_MAX - 1) == PORT_NEVER - 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(only_forever_never_comes),
        claim(zero_and_every_negative_timeout_look_once),
        claim(a_timeout_counts_from_now),
        claim(the_shortest_timeout_is_in_the_future_of_its_call),
        claim(the_longest_timeout_does_not_overflow),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
