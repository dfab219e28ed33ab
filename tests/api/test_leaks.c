/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Many starts in a row leave nothing behind: no handle, no zombie.
 */

#include "claims.h"
#include "system.h"
#include "workers.h"

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

static int number_of_starts(void)
{
    return enough_starts() * test_scale();
}

static void processes_that_are_closed_leave_nothing(void **state)
{
    mproc_process_t *process;
    apr_pool_t *mem;
    int i;

    for (i = 0; i < number_of_starts(); i++) {
        assert_success(apr_pool_create(&mem, *state));
        assert_success(status_of(&process, succeed, MPROC_NO_ARGS, NULL, mem));
        assert_success(mproc_process_close(process));
        apr_pool_destroy(mem);
    }
    assert_false(has_unreaped_children());
}

static void processes_whose_memory_is_destroyed_leave_nothing(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;
    apr_pool_t *mem;
    int i;

    for (i = 0; i < number_of_starts() / 5; i++) {
        assert_success(apr_pool_create(&mem, *state));
        start_born(&process, &line, answer, NULL, mem);
        apr_pool_destroy(mem);
    }
    assert_false(has_unreaped_children());
}

/* All of them stay in one memory: what the system gave for each goes back at its join. */
static void processes_that_are_only_joined_hold_no_handle(void **state)
{
    mproc_process_t *process;
    int handles = count_open_handles(), i;

    for (i = 0; i < number_of_starts(); i++)
        assert_success(status_of(&process, succeed, MPROC_NO_ARGS, NULL, *state));
    assert_int_equal(count_open_handles(), handles);
    assert_false(has_unreaped_children());
}

static void pipes_leave_nothing(void **state)
{
    mproc_connection_t *here, *there;
    apr_pool_t *mem;
    int i;

    for (i = 0; i < 10 * number_of_starts(); i++) {
        assert_success(apr_pool_create(&mem, *state));
        assert_success(mproc_pipe(&here, &there, i % 2 ? MPROC_DUPLEX : MPROC_ONE_WAY, mem));
        assert_success(say(there, "word"));
        if (i % 3 == 0)
            assert_success(mproc_connection_close(here));
        apr_pool_destroy(mem);
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(processes_that_are_closed_leave_nothing),
        claim_leaving_nothing(processes_whose_memory_is_destroyed_leave_nothing),
        claim_leaving_nothing(processes_that_are_only_joined_hold_no_handle),
        claim_leaving_nothing(pipes_leave_nothing),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
