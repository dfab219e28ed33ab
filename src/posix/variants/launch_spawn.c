/* SPDX-License-Identifier: Apache-2.0 */

/*
 * posix_spawn(3) with glibc's closefrom and chdir actions can do all that is
 * asked: it shares the parent's memory until the program runs, so that its cost
 * does not grow with the parent's size, and it reports what exec said.
 */

#include "internal.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * adddup2 onto itself clears close-on-exec (glibc 2.29).  The standard ones come
 * first: stderr may be a copy of what becomes stdin.
 */
static int name_descriptors(posix_spawn_file_actions_t *actions, const posix_launch_t *launch)
{
    int i, error = 0;

    for (i = 0; error == 0 && i < FIRST_DESCRIPTOR; i++)
        error = posix_spawn_file_actions_adddup2(actions, launch->standard[i], i);
    for (i = 0; error == 0 && i < launch->ndescriptors; i++)
        error =
            posix_spawn_file_actions_adddup2(actions, launch->descriptors[i], FIRST_DESCRIPTOR + i);
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(actions,
                                                         FIRST_DESCRIPTOR + launch->ndescriptors);
    if (error == 0 && launch->folder != NULL)
        error = posix_spawn_file_actions_addchdir_np(actions, launch->folder);
    return error;
}

/* No signal blocked and none ignored, as a shell would start it. */
static int reset_signals(posix_spawnattr_t *attributes, const posix_launch_t *launch)
{
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    if (launch->holds_interrupt)
        sigaddset(&none, SIGINT);
    if (launch->is_session_leader)
        flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    return posix_spawnattr_setflags(attributes, (short)flags);
}

/* posix_spawn gives one errno for all it does: see whether the folder explains it. */
static port_stage_t failed_stage(const posix_launch_t *launch)
{
    struct stat about;

    if (launch->folder == NULL)
        return PORT_STAGE_PROGRAM;
    if (stat(launch->folder, &about) != 0 || !S_ISDIR(about.st_mode) ||
        access(launch->folder, X_OK) != 0)
        return PORT_STAGE_FOLDER;
    return PORT_STAGE_PROGRAM;
}

apr_status_t posix_launch(pid_t *pid, const posix_launch_t *launch, port_stage_t *stage)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    error = name_descriptors(&actions, launch);
    if (error == 0)
        error = reset_signals(&attributes, launch);
    if (error == 0)
        error = posix_spawn(pid, launch->path, &actions, &attributes, launch->arguments,
                            launch->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error == 0)
        return APR_SUCCESS;
    *stage = failed_stage(launch);
    return APR_FROM_OS_ERROR(error);
}
