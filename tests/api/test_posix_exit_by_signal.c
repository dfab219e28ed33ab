/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: the handler of a signal calls exit() while the library has a lock.
 */

#include "claims.h"
#include "workers.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define ROUNDS 10

/* -- What the children do ------------------------------------------------------------- */

static apr_status_t stay(mproc_task_t *task)
{
    (void)task;
    while (pause() != 0)
        ;
    return APR_SUCCESS;
}

static void leave(int number)
{
    (void)number;
    exit(3);
}

static apr_status_t start_one_that_stays(mproc_process_t **process, const char *method,
                                         apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.daemon = 1;
    options.start_method = method;
    return mproc_process_start(process, stay, MPROC_NO_ARGS, &options, mem);
}

static void list(mproc_process_t *process, apr_pool_t *mem)
{
    mproc_process_t **children;
    size_t count;

    (void)process;
    mproc_active_children(&children, &count, mem);
}

static void look(mproc_process_t *process, apr_pool_t *mem)
{
    apr_int64_t code;

    (void)mem;
    mproc_process_exitcode(process, &code);
    mproc_process_join(process, 0);
}

typedef void call_fn(mproc_process_t *process, apr_pool_t *mem);
static call_fn *const calls[] = {list, look};

#define NCALLS (sizeof calls / sizeof calls[0])

/* Whoever interrupts APR's own calls must leave them alone. */
static void change_alarm(int how)
{
    sigset_t alarm;

    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigprocmask(how, &alarm, NULL);
}

/* Calls the same again and again, until the signal comes in the middle of it. */
static apr_status_t be_interrupted(mproc_task_t *task)
{
    struct itimerval soon = {.it_value = {.tv_usec = 5000}};
    mproc_process_t *process;
    apr_pool_t *mem;
    unsigned call;

    MPROC_TRY(MPROC_UNPACK(task, &call));
    MPROC_TRY(start_one_that_stays(&process, NULL, mproc_task_mem(task)));
    signal(SIGALRM, leave);
    change_alarm(SIG_BLOCK);
    setitimer(ITIMER_REAL, &soon, NULL);
    for (;;) {
        MPROC_TRY(apr_pool_create(&mem, mproc_task_mem(task)));
        change_alarm(SIG_UNBLOCK);
        calls[call](process, mem);
        change_alarm(SIG_BLOCK);
        apr_pool_destroy(mem);
    }
}

/* The signal comes because of what it does; a fork server's child is not its own for the system. */
static apr_status_t end_a_child(mproc_task_t *task)
{
    mproc_process_t *process;

    MPROC_TRY(start_one_that_stays(&process, MPROC_SPAWN, mproc_task_mem(task)));
    signal(SIGCHLD, leave);
    MPROC_TRY(mproc_process_kill(process));
    return stay(task);
}

static const mproc_target_t targets[] = {MPROC_TARGET(stay), MPROC_TARGET(be_interrupted),
                                         MPROC_TARGET(end_a_child),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- The tests --------------------------------------------------------------------------- */

static void assert_comes_to_an_end(mproc_process_t *process)
{
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_process_close(process));
}

static void a_handler_may_exit_in_the_middle_of_a_call(void **state)
{
    mproc_process_t *process;
    unsigned i;

    for (i = 0; i < ROUNDS * NCALLS; i++) {
        assert_success(mproc_process_start(&process, be_interrupted,
                                           MPROC_PACK((unsigned)(i % NCALLS)), NULL, *state));
        assert_comes_to_an_end(process);
    }
}

/* It is told of the end while it is being brought about. */
static void a_handler_of_sigchld_may_exit(void **state)
{
    mproc_process_t *process;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        assert_success(mproc_process_start(&process, end_a_child, MPROC_NO_ARGS, NULL, *state));
        assert_comes_to_an_end(process);
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_handler_may_exit_in_the_middle_of_a_call),
        claim_leaving_nothing(a_handler_of_sigchld_may_exit),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
