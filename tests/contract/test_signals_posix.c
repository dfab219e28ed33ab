/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signals that are held back; a system without them has nothing to hold.
 */

#include "contract.h"

#include <signal.h>

static volatile sig_atomic_t heard;

static void count(int signal)
{
    (void)signal;
    heard++;
}

static void send_one(void)
{
    heard = 0;
    assert_ptr_not_equal(signal(SIGTERM, count), SIG_ERR);
    assert_int_equal(raise(SIGTERM), 0);
}

static void a_signal_is_held_back_until_the_release(void **state)
{
    (void)state;
    port_signals_hold();
    send_one();
    assert_int_equal(heard, 0);
    port_signals_release();
    assert_int_equal(heard, 1);
}

/* As in a copy that is not whole: it ends with them held, and its end holds them again. */
static void holds_nest(void **state)
{
    (void)state;
    port_signals_hold();
    port_signals_hold();
    send_one();
    port_signals_release();
    assert_int_equal(heard, 0);
    port_signals_release();
    assert_int_equal(heard, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_is_held_back_until_the_release),
        cmocka_unit_test(holds_nest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
