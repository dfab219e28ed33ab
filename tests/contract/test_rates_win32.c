/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a job's limit of CPU time is worth: pure arithmetic.  The other members of
 * the struct are in one union with the rate.
 */

#include "contract.h"

#include "internal.h"

#define MIN_MAX_RATE 0x10

static int cpus(DWORD flags, DWORD rate, int active)
{
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION limit;

    limit.ControlFlags = flags;
    limit.CpuRate = rate;
    return win32_rate_cpus(&limit, active);
}

static void a_hard_cap_is_a_share_of_all_cpus(void **state)
{
    const DWORD flags = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;

    (void)state;
    assert_int_equal(cpus(flags, 2500, 8), 2);
    assert_int_equal(cpus(flags, 2501, 8), 3);
    assert_int_equal(cpus(flags, 1, 8), 1);
    assert_int_equal(cpus(flags, 9999, 256), 256);
}

static void a_cap_at_all_cpus_is_none(void **state)
{
    const DWORD flags = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;

    (void)state;
    assert_int_equal(cpus(flags, 10000, 8), 0);
}

static void of_a_least_and_a_greatest_rate_the_greatest_counts(void **state)
{
    (void)state;
    assert_int_equal(
        cpus(JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | MIN_MAX_RATE, MAKELONG(1000, 5000), 8), 4);
}

static void weights_are_no_limit(void **state)
{
    (void)state;
    assert_int_equal(
        cpus(JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_WEIGHT_BASED, 5, 8),
        0);
}

static void a_limit_that_is_not_enabled_is_none(void **state)
{
    (void)state;
    assert_int_equal(cpus(JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP, 2500, 8), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_hard_cap_is_a_share_of_all_cpus),
        claim(a_cap_at_all_cpus_is_none),
        claim(of_a_least_and_a_greatest_rate_the_greatest_counts),
        claim(weights_are_no_limit),
        claim(a_limit_that_is_not_enabled_is_none),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
