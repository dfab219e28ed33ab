/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A program that has not the right to go where it is, as one that root has started as somebody else
 * in a folder of its own.  Where proc(5) has that folder by the process.
 */

#include "claims.h"
#include "servers_posix.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

/* -- What the children do ------------------------------------------------------------- */

static apr_status_t be_in_folder(mproc_task_t *task)
{
    char here[4096];
    const char *folder;

    MPROC_TRY(MPROC_UNPACK(task, &folder));
    return getcwd(here, sizeof here) != NULL && strcmp(here, folder) == 0 ? APR_SUCCESS
                                                                          : MPROC_ETORN;
}

/* Gives up the rights of root, if it has them.  A leak checker wants to look at its memory still. */
static int become_nobody(void)
{
    return geteuid() != 0 || (setuid(NOBODY) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

/* Goes there, shuts the door, and starts one. */
static apr_status_t start_where_it_may_not_go(mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;
    const char *folder;

    MPROC_TRY(MPROC_UNPACK(task, &folder));
    if (chdir(folder) != 0 || chmod(folder, 0) != 0 || !become_nobody())
        return MPROC_ETORN;
    MPROC_TRY(mproc_process_start(&process, be_in_folder, MPROC_PACK(folder), &options,
                                  mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(be_in_folder), MPROC_TARGET(start_where_it_may_not_go), MPROC_TARGETS_END};

/* -- The test ------------------------------------------------------------------------------ */

static void a_child_is_where_its_parent_may_not_go(void **state)
{
    char folder[] = "/tmp/mproc-test-XXXXXX";
    mproc_process_options_t options = by(MPROC_SPAWN);
    mproc_process_t *process;

    assert_non_null(mkdtemp(folder));
    assert_success(mproc_process_start(&process, start_where_it_may_not_go, MPROC_PACK(folder),
                                       &options, *state));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_int_equal(rmdir(folder), 0);
    assert_success(mproc_process_status(process));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_child_is_where_its_parent_may_not_go),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
