/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Consoles on Windows: who shares one, and that none opens a window.
 */

#include <windows.h> /* first: what apr.h asks of it leaves windows themselves out */

#include "claims.h"
#include "workers.h"

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
    if (has_window())
        return say(line, "a window");
    return say(line, shares_console((DWORD)mproc_process_pid(parent)) ? "shared" : "its own");
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
    FreeConsole(); /* fails where there is none already */
    assert_false(has_console());
    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, mem));
    assert_success(mproc_process_start(&process, tell_both, MPROC_PACK(there), &options, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(here, mem), first);
    assert_string_equal(hear(here, mem), second);
    assert_ended(process, 0);
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
        claim_leaving_nothing(without_a_console_a_child_gets_one_without_a_window_and_shares_it),
        claim_leaving_nothing(the_child_of_a_detached_one_opens_no_window),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
