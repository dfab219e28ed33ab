/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting children in parents that are in a strange state: standard streams
 * closed, signals blocked, ignored or raining down, children reaped by somebody
 * else, descriptors without limit or none left, no process left, its own file
 * gone.  Each parent is a child of the test.
 */

#include "claims.h"
#include "run.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *own_path;

/* -- Grandchildren ------------------------------------------------------------------ */

/* Whether 0, 1 and 2 are open, as numbers of their own, and 3 and 4 are its two handles. */
static apr_status_t check_standard_streams(mproc_task_t *task)
{
    char letter = 'x';
    int descriptor;

    (void)task;
    for (descriptor = 0; descriptor < 3; descriptor++)
        if (fcntl(descriptor, F_GETFD) != 0)
            return mproc_error_set(APR_EGENERAL, "descriptor %d is closed, or is closed by exec", descriptor);
    if (read(0, &letter, 1) != 0 || write(1, "", 0) != 0 || write(2, "", 0) != 0)
        return mproc_error_set(APR_EGENERAL, "a standard stream goes the wrong way");
    if (fcntl(3, F_GETFD) == -1 || fcntl(4, F_GETFD) == -1 || fcntl(5, F_GETFD) != -1)
        return mproc_error_set(APR_EGENERAL, "its handles lie elsewhere");
    return APR_SUCCESS;
}

static apr_status_t check_signals(mproc_task_t *task)
{
    struct sigaction action;
    sigset_t blocked;
    int number;

    (void)task;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    for (number = 1; number < 32; number++) {
        if (sigismember(&blocked, number) == 1)
            return mproc_error_set(APR_EGENERAL, "signal %d is blocked", number);
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            return mproc_error_set(APR_EGENERAL, "signal %d is ignored", number);
    }
    return APR_SUCCESS;
}

/* -- Parents in a strange state --------------------------------------------------------- */

static apr_status_t start_and_pass_on_with(const mproc_process_options_t *options, mproc_target_fn *target,
                                           apr_pool_t *mem)
{
    mproc_process_t *process;
    apr_status_t rv;

    MPROC_TRY(mproc_process_start(&process, target, MPROC_NO_ARGS, options, mem));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    rv = mproc_process_status(process);
    return rv == APR_SUCCESS ? rv : mproc_error_set(rv, "%s", mproc_process_error(process));
}

static apr_status_t start_and_pass_on(mproc_target_fn *target, apr_pool_t *mem)
{
    return start_and_pass_on_with(NULL, target, mem);
}

/* One that has nothing from its parent but what it is given. */
static apr_status_t spawn_and_pass_on(mproc_target_fn *target, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = MPROC_SPAWN;
    return start_and_pass_on_with(&options, target, mem);
}

static apr_status_t start_without_standard_streams(mproc_task_t *task)
{
    close(0);
    close(1);
    close(2);
    MPROC_TRY(spawn_and_pass_on(check_standard_streams, mproc_task_mem(task)));
    return fcntl(0, F_GETFD) == -1 && fcntl(1, F_GETFD) == -1 && fcntl(2, F_GETFD) == -1
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "the parent's own streams were opened");
}

/* As a careless program has them that makes all its descriptors so. */
static apr_status_t start_with_streams_that_exec_closes(mproc_task_t *task)
{
    fcntl(1, F_SETFD, FD_CLOEXEC);
    fcntl(2, F_SETFD, FD_CLOEXEC);
    MPROC_TRY(spawn_and_pass_on(check_standard_streams, mproc_task_mem(task)));
    return fcntl(1, F_GETFD) == FD_CLOEXEC && fcntl(2, F_GETFD) == FD_CLOEXEC
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "the parent's own streams have changed");
}

static apr_status_t start_without_stdin(mproc_task_t *task)
{
    close(0);
    return spawn_and_pass_on(check_standard_streams, mproc_task_mem(task));
}

/* As a daemon does that wants none of its parent's; its child is not daemonic, and would be joined. */
static apr_status_t close_all_descriptors(mproc_task_t *task)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    int descriptor;

    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_start(&process, answer, MPROC_PACK(there), NULL, mproc_task_mem(task)));
    for (descriptor = 3; descriptor < 1024; descriptor++)
        close(descriptor);
    return APR_SUCCESS;
}

/* A million, or as many as this machine allows, and the last of them open for every program to inherit. */
static apr_status_t start_with_a_million_descriptors(mproc_task_t *task)
{
    struct rlimit limit = {1 << 20, 1 << 20};

    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (fcntl(0, F_DUPFD, (int)limit.rlim_cur - 1) < 0)
        return mproc_error_set(APR_EGENERAL, "%d is no descriptor", (int)limit.rlim_cur - 1);
    return spawn_and_pass_on(check_standard_streams, mproc_task_mem(task));
}

static apr_status_t start_with_signals_blocked(mproc_task_t *task)
{
    sigset_t all, still;
    int number;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (number = 1; number < 32; number++)
        if (number != SIGCHLD)
            signal(number, SIG_IGN);
    MPROC_TRY(spawn_and_pass_on(check_signals, mproc_task_mem(task)));
    pthread_sigmask(SIG_SETMASK, NULL, &still);
    return sigismember(&still, SIGUSR1) == 1 && signal(SIGUSR1, SIG_DFL) == SIG_IGN
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "the parent's own signals have changed");
}

/* That the exit code of a child that returned is lost, and what it returned is not. */
static apr_status_t check_lost(mproc_process_t *process)
{
    apr_int64_t code = 0;

    MPROC_TRY(mproc_process_join(process, PATIENCE));
    if (mproc_process_exitcode(process, &code) != MPROC_ELOST)
        return mproc_error_set(APR_EGENERAL, "the exit code is %d, not lost", (int)code);
    if (mproc_process_status(process) != APR_SUCCESS || mproc_process_error(process)[0] != '\0')
        return mproc_error_set(APR_EGENERAL, "its success was lost");
    return mproc_process_close(process);
}

/* The same of one that was killed: of that nobody knows. */
static apr_status_t check_lost_without_a_word(mproc_process_t *process)
{
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    if (mproc_process_status(process) != MPROC_ELOST || mproc_process_error(process)[0] == '\0')
        return mproc_error_set(APR_EGENERAL, "a status was invented");
    return mproc_process_close(process);
}

/* What happens to children of a fork server's, and limits of its clients, do not concern each other. */
static apr_status_t have_children_of_its_own(void)
{
    return is_by_forkserver() ? mproc_set_start_method(MPROC_SPAWN, 1) : APR_SUCCESS;
}

static apr_status_t start_with_sigchld_ignored(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task);
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    MPROC_TRY(have_children_of_its_own());
    signal(SIGCHLD, SIG_IGN);
    MPROC_TRY(spawn_and_pass_on(check_signals, mem));
    MPROC_TRY(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mem));
    MPROC_TRY(check_lost(process));
    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    MPROC_TRY(mproc_process_start(&process, compute, MPROC_PACK(there), NULL, mem));
    MPROC_TRY(mproc_connection_poll(here, PATIENCE));
    MPROC_TRY(mproc_process_kill(process));
    return check_lost_without_a_word(process);
}

/* Somebody else's thread, which takes whatever child has ended. */
static apr_uint32_t taken, is_done;

static apr_status_t take_any_child(void *data)
{
    (void)data;
    while (!apr_atomic_read32(&is_done))
        if (waitpid(-1, NULL, 0) > 0)
            apr_atomic_inc32(&taken);
    return APR_SUCCESS;
}

static apr_status_t start_beside_a_thief(mproc_task_t *task)
{
    work_t thief;
    apr_uint32_t i;

    MPROC_TRY(have_children_of_its_own());
    MPROC_TRY(start_thread(&thief, take_any_child, NULL, mproc_task_mem(task)));
    for (i = 1; i <= 20; i++) {
        mproc_process_t *process;

        MPROC_TRY(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mproc_task_mem(task)));
        while (apr_atomic_read32(&taken) < i)
            apr_thread_yield();
        MPROC_TRY(check_lost(process));
    }
    apr_atomic_set32(&is_done, 1);
    return end_thread(&thief);
}

/*
 * However few descriptors are left, a start works or gives a status, and leaves nothing.  Numbers may
 * be free between those that are open, so that it begins below their count.
 */
static apr_status_t start_with_fewer_and_fewer_descriptors(mproc_task_t *task)
{
    struct rlimit before, limit;
    int open_before, failures = 0, is_started = 0;
    rlim_t left;

    MPROC_TRY(start_and_pass_on(succeed, mproc_task_mem(task)));
    getrlimit(RLIMIT_NOFILE, &before);
    open_before = count_open_handles();
    for (left = 0; !is_started && left < 64; left++) {
        apr_status_t rv;

        limit = before;
        limit.rlim_cur = (rlim_t)open_before / 2 + left;
        setrlimit(RLIMIT_NOFILE, &limit);
        rv = start_and_pass_on(succeed, mproc_task_mem(task));
        setrlimit(RLIMIT_NOFILE, &before);
        is_started = rv == APR_SUCCESS;
        failures += !is_started;
        if (!is_started && mproc_error_message()[0] == '\0')
            return mproc_error_set(APR_EGENERAL, "no words for status %d", rv);
        if (count_open_handles() != open_before || has_unreaped_children())
            return mproc_error_set(APR_EGENERAL, "with %d left something stays behind", (int)left);
    }
    if (!is_started || failures == 0)
        return mproc_error_set(APR_EGENERAL, "%d starts failed, then none", failures);
    return start_and_pass_on(succeed, mproc_task_mem(task));
}

static apr_status_t check_signal_mask(const sigset_t *before)
{
    sigset_t now;
    int number;

    pthread_sigmask(SIG_SETMASK, NULL, &now);
    for (number = 1; number < 32; number++)
        if (sigismember(&now, number) != sigismember(before, number))
            return mproc_error_set(APR_EGENERAL, "signal %d is %s", number,
                                   sigismember(&now, number) ? "blocked" : "not blocked any more");
    return APR_SUCCESS;
}

/* What a thread does while descriptors run out: whatever comes of it is counted, and is a status. */
typedef struct attempts_t {
    int successes, failures, speechless;
    apr_pool_t *mem;
} attempts_t;

static apr_status_t start_whatever_comes(void *data)
{
    attempts_t *attempts = data;
    int i;

    for (i = 0; i < 5 * test_scale(); i++) {
        if (start_and_pass_on(succeed, attempts->mem) == APR_SUCCESS)
            attempts->successes++;
        else
            attempts->failures++, attempts->speechless += mproc_error_message()[0] == '\0';
    }
    return APR_SUCCESS;
}

enum { RIVALS = 8 };

/* How many starts failed of those that RIVALS threads made. */
static apr_status_t start_by_rivals(attempts_t *sum, apr_pool_t *mem)
{
    work_t rivals[RIVALS];
    attempts_t attempts[RIVALS] = {{0}};
    int i;

    for (i = 0; i < RIVALS; i++) {
        MPROC_TRY(apr_pool_create(&attempts[i].mem, mem));
        MPROC_TRY(start_thread(&rivals[i], start_whatever_comes, &attempts[i], mem));
    }
    for (i = 0; i < RIVALS; i++) {
        MPROC_TRY(end_thread(&rivals[i]));
        sum->successes += attempts[i].successes;
        sum->failures += attempts[i].failures;
        sum->speechless += attempts[i].speechless;
    }
    return APR_SUCCESS;
}

/* There is room for one start at a time, and for parts of others. */
static apr_status_t start_by_threads_with_few_descriptors(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task);
    struct rlimit before, limit;
    attempts_t few = {0}, many = {0};
    int open_before;

    MPROC_TRY(start_and_pass_on(succeed, mem));
    open_before = count_open_handles();
    getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    limit.rlim_cur = (rlim_t)open_before + 10;
    setrlimit(RLIMIT_NOFILE, &limit);
    MPROC_TRY(start_by_rivals(&few, mem));
    setrlimit(RLIMIT_NOFILE, &before);
    if (few.failures == 0 || few.speechless > 0)
        return mproc_error_set(APR_EGENERAL, "%d starts failed, %d without a word", few.failures, few.speechless);
    if (count_open_handles() != open_before || has_unreaped_children())
        return mproc_error_set(APR_EGENERAL, "something stays behind");
    MPROC_TRY(start_by_rivals(&many, mem));
    return many.failures == 0 ? APR_SUCCESS
                              : mproc_error_set(APR_EGENERAL, "%d starts fail for ever", many.failures);
}

/* Root may always have one process more, so that it is somebody else for a while. */
static int be_somebody_else(void)
{
    return geteuid() != 0 || (setreuid(65534, 0) == 0 && seteuid(65534) == 0);
}

static void be_oneself_again(uid_t before)
{
    if (geteuid() != before && seteuid(before) == 0)
        setreuid(before, before);
}

static apr_status_t start_with_no_process_left(mproc_task_t *task)
{
    struct rlimit before, none;
    uid_t user = geteuid();
    mproc_process_t *process;
    sigset_t mask;
    int open_before;
    apr_status_t rv;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    MPROC_TRY(have_children_of_its_own());
    if (!be_somebody_else())
        return mproc_error_set(APR_EGENERAL, "root cannot become somebody else");
    open_before = count_open_handles();
    getrlimit(RLIMIT_NPROC, &before);
    none = (struct rlimit){0, before.rlim_max};
    setrlimit(RLIMIT_NPROC, &none);
    rv = mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mproc_task_mem(task));
    setrlimit(RLIMIT_NPROC, &before);
    be_oneself_again(user);
    if (!APR_STATUS_IS_EAGAIN(rv) || mproc_error_message()[0] == '\0')
        return mproc_error_set(APR_EGENERAL, "a start without processes gives %d", rv);
    if (count_open_handles() != open_before || has_unreaped_children())
        return mproc_error_set(APR_EGENERAL, "a start without processes leaves something behind");
    MPROC_TRY(check_signal_mask(&mask));
    return start_and_pass_on(succeed, mproc_task_mem(task));
}

/* The child's side of the start fails, and the mask was changed for it. */
static apr_status_t start_what_is_missing(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;
    sigset_t mask;
    apr_status_t rv;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    options.start_method = MPROC_SPAWN;
    MPROC_TRY(mproc_set_executable("/no/such/program"));
    rv = mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, mproc_task_mem(task));
    if (!APR_STATUS_IS_ENOENT(rv))
        return mproc_error_set(APR_EGENERAL, "the start of a missing program gives %d", rv);
    return check_signal_mask(&mask);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
    (void)number;
    alarms++;
}

/* Without SA_RESTART: every call that can be interrupted is. */
static void let_it_rain_alarms(void)
{
    struct sigaction action = {.sa_handler = count_alarm};
    struct itimerval every = {{0, 10000}, {0, 10000}};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
}

/* A receive and a join that wait for half a second and find nothing. */
static apr_status_t wait_in_vain(apr_pool_t *mem)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    apr_interval_time_t half = apr_time_from_msec(500);

    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    MPROC_TRY(mproc_process_start(&process, answer, MPROC_PACK(there), NULL, mem));
    if (strcmp(hear(here, mem), "born") != 0)
        return mproc_error_set(APR_EGENERAL, "a child is not born");
    if (!APR_STATUS_IS_TIMEUP(mproc_connection_poll(here, half)) ||
        !APR_STATUS_IS_TIMEUP(mproc_process_join(process, half)))
        return mproc_error_set(APR_EGENERAL, "a wait ends by something else than its timeout");
    MPROC_TRY(say(here, "leave"));
    return mproc_process_join(process, PATIENCE);
}

static apr_status_t start_in_a_rain_of_signals(mproc_task_t *task)
{
    int before, i;

    let_it_rain_alarms();
    MPROC_TRY(wait_in_vain(mproc_task_mem(task)));
    for (before = alarms, i = 0; i < 20 || alarms - before < 20; i++)
        MPROC_TRY(start_and_pass_on(succeed, mproc_task_mem(task)));
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(check_standard_streams),
    MPROC_TARGET(check_signals),
    MPROC_TARGET(start_without_standard_streams),
    MPROC_TARGET(start_with_streams_that_exec_closes),
    MPROC_TARGET(start_without_stdin),
    MPROC_TARGET(close_all_descriptors),
    MPROC_TARGET(start_with_a_million_descriptors),
    MPROC_TARGET(start_with_signals_blocked),
    MPROC_TARGET(start_with_sigchld_ignored),
    MPROC_TARGET(start_beside_a_thief),
    MPROC_TARGET(start_with_fewer_and_fewer_descriptors),
    MPROC_TARGET(start_by_threads_with_few_descriptors),
    MPROC_TARGET(start_with_no_process_left),
    MPROC_TARGET(start_what_is_missing),
    MPROC_TARGET(start_in_a_rain_of_signals),
    MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- The tests --------------------------------------------------------------------------- */

static void assert_works(mproc_target_fn *parent, apr_pool_t *mem)
{
    mproc_process_t *process;

    assert_success(status_of(&process, parent, MPROC_NO_ARGS, NULL, mem));
}

static void a_parent_without_standard_streams_can_start(void **state)
{
    assert_works(start_without_standard_streams, *state);
}

static void streams_that_exec_would_close_are_inherited(void **state)
{
    assert_works(start_with_streams_that_exec_closes, *state);
}

static void a_parent_without_stdin_can_start(void **state)
{
    assert_works(start_without_stdin, *state);
}

/* What it had to say went with them. */
static void a_program_that_has_closed_all_descriptors_can_end(void **state)
{
    mproc_process_t *process;
    apr_int64_t code;

    assert_success(mproc_process_start(&process, close_all_descriptors, MPROC_NO_ARGS, NULL, *state));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_process_exitcode(process, &code));
    assert_int_equal(code, 0);
    assert_status(mproc_process_status(process), MPROC_EDIED);
}

static void a_million_descriptors_may_be_allowed(void **state)
{
    assert_works(start_with_a_million_descriptors, *state);
}

static void blocked_and_ignored_signals_are_not_inherited(void **state)
{
    assert_works(start_with_signals_blocked, *state);
}

static void with_sigchld_ignored_the_code_is_lost_and_nothing_hangs(void **state)
{
    assert_works(start_with_sigchld_ignored, *state);
}

static void a_code_that_another_thread_takes_is_lost_and_nothing_hangs(void **state)
{
    assert_works(start_beside_a_thief, *state);
}

static void without_descriptors_a_start_fails_and_works_again_later(void **state)
{
    assert_works(start_with_fewer_and_fewer_descriptors, *state);
}

static void threads_that_want_the_last_descriptors_get_a_status_and_can_start_later(void **state)
{
    assert_works(start_by_threads_with_few_descriptors, *state);
}

static void without_processes_a_start_fails_and_works_again_later(void **state)
{
    assert_works(start_with_no_process_left, *state);
}

static void a_program_that_does_not_start_leaves_signals_alone(void **state)
{
    assert_works(start_what_is_missing, *state);
}

static void signals_end_neither_starts_nor_waits(void **state)
{
    assert_works(start_in_a_rain_of_signals, *state);
}

static void an_executable_that_may_not_be_run_is_told(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    char path[] = "/tmp/mproc-test-XXXXXX";
    mproc_process_t *process = NULL;
    int file = mkstemp(path);
    apr_status_t rv;

    close(file);
    options.start_method = MPROC_SPAWN;
    assert_success(mproc_set_executable(path));
    rv = mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, *state);
    unlink(path);
    assert_success(mproc_set_executable(NULL));
    assert_true(APR_STATUS_IS_EACCES(rv));
    assert_words(mproc_error_message(), path);
    assert_null(process);
}

/* Run as a copy of this program: the copy is gone before its child starts. */
static int start_without_a_file(apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.start_method = MPROC_SPAWN;
    unlink(own_path);
    MPROC_CHECK(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, mem));
    MPROC_CHECK(mproc_process_join(process, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_status(process));
    return 0;
}

/* Where no path always means the running file, the start says which one is missing. */
static void a_program_whose_file_is_gone_can_start(void **state)
{
    const char *copy = apr_psprintf(*state, "%s-copy-%d", own_path, (int)getpid());
    const char *const arguments[] = {copy, "without-a-file", NULL};
    ran_t ran;

    assert_success(apr_file_copy(own_path, copy, APR_FPROT_FILE_SOURCE_PERMS, *state));
    run_program(&ran, arguments, *state);
    assert_int_equal(access(copy, F_OK), -1);
    assert_int_equal(ran.exitcode == 0, IMAGE_OUTLIVES_ITS_NAME);
    assert_words(ran.errors, IMAGE_OUTLIVES_ITS_NAME ? "" : copy);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_parent_without_standard_streams_can_start),
        claim_leaving_nothing(streams_that_exec_would_close_are_inherited),
        claim_leaving_nothing(a_parent_without_stdin_can_start),
        claim_leaving_nothing(a_program_that_has_closed_all_descriptors_can_end),
        claim_leaving_nothing(a_million_descriptors_may_be_allowed),
        claim_leaving_nothing(blocked_and_ignored_signals_are_not_inherited),
        claim_leaving_nothing(with_sigchld_ignored_the_code_is_lost_and_nothing_hangs),
        claim_leaving_nothing(a_code_that_another_thread_takes_is_lost_and_nothing_hangs),
        claim_leaving_nothing(without_descriptors_a_start_fails_and_works_again_later),
        claim_leaving_nothing(threads_that_want_the_last_descriptors_get_a_status_and_can_start_later),
        claim_leaving_nothing(without_processes_a_start_fails_and_works_again_later),
        claim_leaving_nothing(a_program_that_does_not_start_leaves_signals_alone),
        claim_leaving_nothing(signals_end_neither_starts_nor_waits),
        claim_leaving_nothing(a_program_whose_file_is_gone_can_start),
        claim_leaving_nothing(an_executable_that_may_not_be_run_is_told),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    if (argc > 1)
        return start_without_a_file(mem);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
