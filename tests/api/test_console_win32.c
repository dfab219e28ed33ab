/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Consoles on Windows: who shares one, and that none opens a window.
 */

#include <windows.h> /* first: what apr.h asks of it leaves windows themselves out */

#include "claims.h"
#include "workers.h"

/* Claims of which nothing is left. */
#define claim_in_a_console(test)                                                                   \
    cmocka_unit_test_setup_teardown(test, get_console, destroy_and_count)
#define claim_without_a_console(test)                                                              \
    cmocka_unit_test_setup_teardown(test, leave_console, destroy_and_count)

/* -- What the children do ------------------------------------------------------ */

static int has_console(void)
{
    return GetConsoleCP() != 0;
}

static int has_window(void)
{
    HWND window = GetConsoleWindow();

    return window != NULL && IsWindowVisible(window);
}

/* Whether a process is attached to this one's console. */
static int shares_console(DWORD pid)
{
    DWORD pids[64];
    DWORD count = GetConsoleProcessList(pids, 64), i;

    for (i = 0; i < count && i < 64; i++)
        if (pids[i] == pid)
            return 1;
    return 0;
}

/* Says what its console is: to its parent, and to one that started that. */
static apr_status_t tell_console(mproc_task_t *task)
{
    mproc_process_t *parent = mproc_parent_process();
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    if (!has_console())
        return say(line, "none");
    if (shares_console((DWORD)mproc_process_pid(parent)))
        return say(line, "shared");
    return say(line, has_window() ? "a window" : "its own");
}

/* The same first, and then the same of a child. */
static apr_status_t tell_both(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_process_t *process;

    MPROC_TRY(tell_console(task));
    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(
        mproc_process_start(&process, tell_console, MPROC_PACK(line), NULL, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

static const mproc_target_t targets[] = {MPROC_TARGET(tell_console), MPROC_TARGET(tell_both),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- The tests ------------------------------------------------------------------------ */

static void assert_told(int is_detached, const char *first, const char *second, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    options.detached = is_detached;
    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, mem));
    assert_success(mproc_process_start(&process, tell_both, MPROC_PACK(there), &options, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(here, mem), first);
    assert_string_equal(hear(here, mem), second);
    assert_ended(process, 0);
}

/* Its handles are not the claim's. */
static int get_console(void **state)
{
    AllocConsole(); /* fails where there is one already */
    return has_console() ? count_and_make_memory(state) : -1;
}

static int leave_console(void **state)
{
    FreeConsole(); /* fails where there is none already */
    return has_console() ? -1 : count_and_make_memory(state);
}

static void a_child_shares_the_console_that_there_is(void **state)
{
    assert_told(0, "shared", "shared", *state);
}

static void without_a_console_a_child_gets_one_without_a_window_and_shares_it(void **state)
{
    assert_told(0, "its own", "shared", *state);
}

static void the_child_of_a_detached_one_opens_no_window(void **state)
{
    assert_told(1, "none", "its own", *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_in_a_console(a_child_shares_the_console_that_there_is),
        claim_without_a_console(without_a_console_a_child_gets_one_without_a_window_and_shares_it),
        claim_without_a_console(the_child_of_a_detached_one_opens_no_window),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
