/* SPDX-License-Identifier: Apache-2.0 */

/*
 * This process's knowledge of itself.
 */

#include "program.h"

#include "process_object.h"
#include "status.h"
#include "targets.h"

#include <apr_env.h>
#include <apr_file_info.h>
#include <apr_strings.h>

#include <assert.h>
#include <string.h>

mproc__program_t mproc__program;

static apr_status_t refuse_unguarded(void)
{
    return mproc_error_set(
        MPROC_EBOOTSTRAP, "An attempt has been made to start a new process before the\n"
                          "current process has finished its bootstrapping phase.\n"
                          "\n"
                          "This probably means that the guard is missing, or does not come first.\n"
                          "A child runs main again from the top, so main must begin like this:\n"
                          "\n"
                          "    int main(int argc, const char *const *argv)\n"
                          "    {\n"
                          "        apr_pool_t *mem;\n"
                          "\n"
                          "        mproc_init(&mem, &argc, &argv, targets);\n"
                          "        ...\n");
}

int mproc__program_is_foreign(void)
{
    return mproc__program.pid != port_pid();
}

apr_status_t mproc__program_check(void)
{
    if (atomic_load_explicit(&mproc__program.phase, memory_order_acquire) != MPROC__READY)
        return refuse_unguarded();
    if (mproc__program_is_foreign())
        return mproc_error_set(MPROC_EFOREIGN, "this process was made by fork(), not by mproc; "
                                               "it can start no processes");
    return APR_SUCCESS;
}

/* The handler of a signal that came now and called exit() would want this lock too. */
void mproc__program_lock(void)
{
    port_signals_hold();
    if (mproc__program.lock != NULL)
        apr_thread_mutex_lock(mproc__program.lock);
}

void mproc__program_unlock(void)
{
    if (mproc__program.lock != NULL)
        apr_thread_mutex_unlock(mproc__program.lock);
    port_signals_release();
}

apr_status_t mproc__program_executable(const char **path, apr_pool_t *mem)
{
    const char *found;

    mproc__program_lock();
    found = mproc__program.executable != NULL ? mproc__program.executable
                                              : mproc__program.own_executable;
    *path = apr_pstrdup(mem, found);
    mproc__program_unlock();
    if (found == NULL)
        return mproc_error_set(APR_ENOENT, "the program's own executable was not found; "
                                           "name it by MPROC_EXECUTABLE or mproc_set_executable");
    return APR_SUCCESS;
}

/* This process, or a child, may be in another folder when the path is used. */
static const char *absolute(const char *path, apr_pool_t *mem)
{
    char *merged;

    return apr_filepath_merge(&merged, NULL, path, 0, mem) == APR_SUCCESS ? merged
                                                                          : apr_pstrdup(mem, path);
}

apr_status_t mproc_set_executable(const char *path)
{
    MPROC_TRY(mproc__program_check());
    if (path != NULL && path[0] == '\0')
        return mproc_error_set(APR_EINVAL, "the path of the executable is empty");
    mproc__program_lock();
    mproc__program.executable = path != NULL ? absolute(path, mproc__program.mem) : NULL;
    mproc__program_unlock();
    return APR_SUCCESS;
}

int mproc_cpu_count(void)
{
    return port_cpu_count();
}

static const char *const *lasting_arguments(const char *const *argv, apr_pool_t *mem)
{
    size_t count = 0;
    const char **lasting;

    assert(argv[0] != NULL);
    while (argv[count] != NULL)
        count++;
    lasting = apr_pmemdup(mem, argv, (count + 1) * sizeof *lasting);
    if (strchr(argv[0], '/') != NULL)
        lasting[0] = absolute(argv[0], mem);
    return lasting;
}

/* NULL if it names none. */
static apr_status_t find_named(const char **executable, apr_pool_t *mem)
{
    const char *path;

    MPROC_TRY(port_environment_get(&path, "MPROC_EXECUTABLE", mem));
    *executable = NULL;
    if (path == NULL || path[0] == '\0')
        return APR_SUCCESS;
    *executable = absolute(path, mem);
    apr_env_set("MPROC_EXECUTABLE", *executable, mem); /* a child may be in another folder */
    return APR_SUCCESS;
}

/* One table around the program's and the library's own. */
static const mproc_target_t *with_own(const mproc_target_t *targets)
{
    static mproc_target_t all[] = {MPROC_TARGETS_OF(NULL), MPROC_TARGETS_OF(mproc__own_targets),
                                   MPROC_TARGETS_END};

    all[0].table = targets;
    return all;
}

apr_status_t mproc__program_set(const mproc_target_t *targets, const char *const *argv,
                                apr_pool_t *mem)
{
    mproc__program_t *program = &mproc__program;

    MPROC_TRY(mproc__targets_check(targets));
    MPROC_TRY(mproc__error_explain(
        apr_thread_mutex_create(&program->lock, APR_THREAD_MUTEX_DEFAULT, mem), "make a lock"));
    program->mem = mem;
    program->pid = port_pid();
    program->targets = with_own(targets);
    program->fingerprint = mproc__targets_fingerprint(program->targets);
    program->argv = lasting_arguments(argv, mem);
    MPROC_TRY(mproc__error_explain(find_named(&program->executable, mem), "read MPROC_EXECUTABLE"));
    /* Without it only starting a process fails, and says so. */
    if (port_executable(&program->own_executable, argv[0], mem) != APR_SUCCESS)
        program->own_executable = NULL;
    if (port_build_id(program->build_id, program->own_executable != NULL ? program->own_executable
                                                                         : argv[0]) != APR_SUCCESS)
        return mproc_error_set(
            MPROC_EBUILD,
            "it cannot be told which build of the program this is: its executable "
            "was not found by the name %s",
            argv[0]);
    return APR_SUCCESS;
}

void mproc__program_abandon_parent(void)
{
    mproc_process_t *parent = mproc__program.parent;

    if (parent == NULL || parent->port == NULL)
        return;
    port_process_abandon(parent->port);
    parent->port = NULL;
}

/* What is read only stays where it is: in the parent's memory, of which this process has a copy. */
void mproc__program_forked(apr_pool_t *mem)
{
    mproc__program.mem = mem;
    mproc__program.pid = port_pid();
    mproc__program_abandon_parent();
    mproc__program.parent = NULL;
    atomic_store(&mproc__program.children, 0);
}
