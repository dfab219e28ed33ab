/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Putters and getters are killed at random, and replaced: every message is
 * accounted for, and the others go on.
 */

#include "claims.h"
#include "ends.h"
#include "storm.h"

/* Of each storm at scale 1. */
#define TIME apr_time_from_msec(1500)

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(storm_targets), MPROC_TARGETS_END};

static void play(const storm_t *storm, apr_pool_t *mem)
{
    if (storm->is_on_one_cpu)
        assert_true(stay_on_one_cpu());
    play_storm(storm, TIME * test_scale(), mem);
    if (storm->is_on_one_cpu)
        use_all_cpus();
}

static void one_putter_and_one_getter_are_killed(void **state)
{
    static const storm_t storm = {
        .name = "1P1C, small", .putters = 1, .getters = 1, .capacity = 4096, .size_max = 64};

    play(&storm, *state);
}

static void of_two_and_two_some_are_killed_in_pieces(void **state)
{
    static const storm_t storm = {
        .name = "2P2C, in pieces", .putters = 2, .getters = 2, .capacity = 4096, .size_max = 16384};

    play(&storm, *state);
}

static void of_three_and_three_some_are_killed(void **state)
{
    static const storm_t storm = {.name = "3P3C, up to 100 kB",
                                  .putters = 3,
                                  .getters = 3,
                                  .capacity = 65536,
                                  .size_max = 100000};

    play(&storm, *state);
}

static void of_three_and_three_some_are_killed_where_messages_are_counted(void **state)
{
    static const storm_t storm = {.name = "3P3C, 2 at a time",
                                  .putters = 3,
                                  .getters = 3,
                                  .capacity = 4096,
                                  .maxsize = 2,
                                  .size_max = 8192};

    play(&storm, *state);
}

static void on_one_cpu_some_are_killed(void **state)
{
    static const storm_t storm = {.name = "2P2C, one CPU",
                                  .putters = 2,
                                  .getters = 2,
                                  .capacity = 4096,
                                  .size_max = 16384,
                                  .is_on_one_cpu = 1};

    play(&storm, *state);
}

static void the_places_of_the_dead_are_taken_again(void **state)
{
    static const storm_t storm = {.name = "3P3C, crowded",
                                  .putters = 3,
                                  .getters = 3,
                                  .capacity = 4096,
                                  .size_max = 4096,
                                  .is_crowded = 1};

    play(&storm, *state);
}

static void of_three_and_two_some_are_killed_and_their_tasks_are_known(void **state)
{
    static const storm_t storm = {.name = "3P2C, tasks",
                                  .putters = 3,
                                  .getters = 2,
                                  .capacity = 4096,
                                  .size_max = 16384,
                                  .is_joinable = 1};

    play(&storm, *state);
}

static void tasks_of_the_dead_are_known_when_their_places_are_taken(void **state)
{
    static const storm_t storm = {.name = "2P3C, tasks, crowded",
                                  .putters = 2,
                                  .getters = 3,
                                  .capacity = 4096,
                                  .size_max = 4096,
                                  .is_crowded = 1,
                                  .is_joinable = 1};

    play(&storm, *state);
}

/* All blocks are hardly enough for all who want one. */
static void of_three_and_three_some_are_killed_with_blocks(void **state)
{
    static const storm_t storm = {.name = "3P3C, blocks",
                                  .putters = 3,
                                  .getters = 3,
                                  .capacity = 4096,
                                  .size_max = 100000,
                                  .is_joinable = 1,
                                  .blocks = 131072};

    play(&storm, *state);
}

static void on_one_cpu_some_are_killed_with_blocks(void **state)
{
    static const storm_t storm = {.name = "2P2C, blocks, one CPU",
                                  .putters = 2,
                                  .getters = 2,
                                  .capacity = 4096,
                                  .size_max = 16384,
                                  .is_on_one_cpu = 1,
                                  .is_crowded = 1,
                                  .blocks = 65536};

    play(&storm, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(one_putter_and_one_getter_are_killed),
        claim(of_two_and_two_some_are_killed_in_pieces),
        claim(of_three_and_three_some_are_killed),
        claim(of_three_and_three_some_are_killed_where_messages_are_counted),
        claim(on_one_cpu_some_are_killed),
        claim(the_places_of_the_dead_are_taken_again),
        claim(of_three_and_three_some_are_killed_with_blocks),
        claim(on_one_cpu_some_are_killed_with_blocks),
        claim(of_three_and_two_some_are_killed_and_their_tasks_are_known),
        claim(tasks_of_the_dead_are_known_when_their_places_are_taken),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
