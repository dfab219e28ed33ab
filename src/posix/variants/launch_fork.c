/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fork and exec, for systems whose posix_spawn cannot change the folder or
 * close what is not listed.  Between the two the child keeps to
 * async-signal-safe calls; what stops it is written, with its stage, into a pipe
 * that exec closes.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

/* So many descriptors are looked at by one call. */
enum { BATCH = 256 };

typedef struct failure_t {
    int error;
    port_stage_t stage;
} failure_t;

static _Noreturn void report_failure(int report, port_stage_t stage)
{
    failure_t failure = {errno, stage};

    /* If even this fails, the parent learns of it by the exit code alone. */
    if (write(report, &failure, sizeof failure) != (ssize_t)sizeof failure)
        _exit(126);
    _exit(127);
}

static void reset_dispositions(void)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    int number;

    for (number = 1; number < NSIG; number++)
        sigaction(number, &by_default,
                  NULL); /* fails for those that cannot be caught: nothing to reset */
}

/*
 * No descriptor is made above it: what the system keeps to, where the limit itself has no end
 * (macOS).  Asked before the fork: signal-safety(7) does not list it.
 */
static int descriptor_limit(void)
{
    int limit = getdtablesize();

    return limit > 0x7ffffffe - BATCH ? 0x7ffffffe - BATCH : limit;
}

/*
 * Where there is no list of a process's open descriptors, the limit may be a
 * million: poll() tells of many at once which ones are open.
 */
static void close_up_to(int lowest, int limit)
{
    struct pollfd batch[BATCH];
    int i;

    for (; lowest < limit; lowest += BATCH) {
        for (i = 0; i < BATCH; i++)
            batch[i] = (struct pollfd){.fd = lowest + i};
        if (poll(batch, BATCH, 0) == 0)
            for (i = 0; i < BATCH; i++)
                close(lowest + i);
        else
            for (i = 0; i < BATCH; i++)
                if ((batch[i].revents & POLLNVAL) == 0)
                    close(lowest + i);
    }
}

static void put_descriptor(int source, int target, int report)
{
    int result = source == target ? fcntl(source, F_SETFD, 0) : dup2(source, target);

    if (result < 0)
        report_failure(report, PORT_STAGE_HANDLES);
}

/* The report is moved right behind the last descriptor, and everything above it closed. */
static int move_descriptors(const posix_launch_t *launch, int report, int limit)
{
    int last = FIRST_DESCRIPTOR + launch->ndescriptors, i;

    for (i = 0; i < FIRST_DESCRIPTOR; i++)
        put_descriptor(launch->standard[i], i, report);
    for (i = 0; i < launch->ndescriptors; i++)
        put_descriptor(launch->descriptors[i], FIRST_DESCRIPTOR + i, report);
    if (report != last)
        put_descriptor(report, last, report);
    fcntl(last, F_SETFD, FD_CLOEXEC);
    if (posix_close_from(last + 1) != 0)
        close_up_to(last + 1, limit);
    return last;
}

static _Noreturn void become(const posix_launch_t *launch, int report, int limit)
{
    sigset_t none;

    reset_dispositions();
    report = move_descriptors(launch, report, limit);
    if (launch->is_session_leader)
        setsid();
    if (launch->folder != NULL && chdir(launch->folder) != 0)
        report_failure(report, PORT_STAGE_FOLDER);
    sigemptyset(&none);
    if (launch->holds_interrupt)
        sigaddset(&none, SIGINT);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(launch->path, launch->arguments, launch->environment);
    report_failure(report, PORT_STAGE_PROGRAM);
}

/* The end of the pipe without a word means that exec closed it: the program runs. */
static apr_status_t read_report(int report, pid_t child, port_stage_t *stage)
{
    failure_t failure;
    ssize_t size;

    do
        size = read(report, &failure, sizeof failure);
    while (size < 0 && errno == EINTR);
    if (size != (ssize_t)sizeof failure)
        return APR_SUCCESS;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    *stage = failure.stage;
    return APR_FROM_OS_ERROR(failure.error);
}

/* The report must lie above every number that the child fills. */
static apr_status_t make_report(int report[2], const posix_launch_t *launch)
{
    apr_status_t rv = posix_pipe(report);
    int moved;

    if (rv != APR_SUCCESS)
        return rv;
    moved = fcntl(report[1], F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR + launch->ndescriptors);
    if (moved < 0) {
        rv = APR_FROM_OS_ERROR(errno);
        posix_close_pair(report);
        return rv;
    }
    close(report[1]);
    report[1] = moved;
    return APR_SUCCESS;
}

apr_status_t posix_launch(pid_t *pid, const posix_launch_t *launch, port_stage_t *stage)
{
    sigset_t all, before;
    int report[2], error, limit = descriptor_limit();
    pid_t child;
    apr_status_t rv = make_report(report, launch);

    if (rv != APR_SUCCESS)
        return rv;
    /* No handler of the program's may run in the child. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    child = fork();
    error = errno;
    if (child == 0)
        become(launch, report[1], limit);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    rv = child < 0 ? APR_FROM_OS_ERROR(error) : read_report(report[0], child, stage);
    close(report[0]);
    if (rv == APR_SUCCESS)
        *pid = child;
    return rv;
}
