/* SPDX-License-Identifier: Apache-2.0 */

/*
 * posix_close_from(), as a forked child calls it: with what the system has for
 * it, and where a kernel or a filter refuses the best.
 */

#include "contract.h"

#include "internal.h"
#include "refusing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOWEST 20

/* The system calls that are refused in the next child: ended by 0. */
static const long *refused;
static int refusal;

static const long nothing[] = {0};
static const long the_range[] = {SYS_close_range, 0};

/* -- In the child: each returns 0 when all is well ------------------------------- */

static int close_from_lowest(void)
{
    for (; *refused != 0; refused++)
        if (refuse_call(*refused, ANY_ARGUMENT, refusal) != 0)
            return -2;
    return posix_close_from(LOWEST);
}

static int is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) != -1;
}

static int count_open(int first, int end)
{
    int count = 0;

    for (; first < end; first++)
        count += is_open(first);
    return count;
}

/* The highest that this process can have, within reason: the kernel's table grows to it. */
static int highest(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur < 65536 ? (int)limit.rlim_cur - 1 : 65535;
}

static int close_some(void)
{
    int top = highest();

    if (dup2(0, LOWEST - 1) < 0 || dup2(0, LOWEST) < 0 || dup2(0, 1000) < 0 || dup2(0, top) < 0)
        return 1;
    if (close_from_lowest() != 0)
        return 2;
    return !is_open(LOWEST - 1) || count_open(LOWEST, top + 1) != 0;
}

static int close_nothing(void)
{
    int before;

    if (dup2(0, LOWEST - 1) < 0 || posix_close_from(LOWEST) != 0)
        return 1;
    before = count_open(0, LOWEST);
    return close_from_lowest() != 0 || count_open(0, LOWEST) != before;
}

/* More than one look at a list can tell. */
static int close_many(void)
{
    int number;

    for (number = LOWEST; number < LOWEST + 900; number++)
        if (dup2(0, number) < 0)
            return 1;
    return close_from_lowest() != 0 || count_open(LOWEST, LOWEST + 900) != 0;
}

/* A limit that was lowered says nothing of what is open above it. */
static int close_above_the_limit(void)
{
    struct rlimit limit;

    if (dup2(0, 1000) < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    limit.rlim_cur = 100;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 2;
    return close_from_lowest() != 0 || is_open(1000);
}

/* -- The tests ---------------------------------------------------------------------- */

static void assert_works(int (*child)(void), const long *calls, int error)
{
    int status = -1;
    pid_t pid;

    refused = calls;
    refusal = error;
    pid = fork();
    if (pid == 0)
        _exit(child());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* By the call for it, and without that, as before Linux 5.9 and in containers. */
static void assert_works_everywhere(int (*child)(void))
{
    assert_works(child, nothing, 0);
    assert_works(child, the_range, ENOSYS);
    assert_works(child, the_range, EPERM);
}

static void all_from_a_number_on_are_closed(void **state)
{
    (void)state;
    assert_works_everywhere(close_some);
}

static void nothing_to_close_is_no_failure(void **state)
{
    (void)state;
    assert_works_everywhere(close_nothing);
}

static void hundreds_are_closed(void **state)
{
    (void)state;
    assert_works_everywhere(close_many);
}

static void what_lies_above_the_limit_is_closed(void **state)
{
    (void)state;
    assert_works_everywhere(close_above_the_limit);
}

#ifdef TELLS_WHEN_IT_CANNOT
static int fail_to_close(void)
{
    if (dup2(0, 1000) < 0)
        return 1;
    return close_from_lowest() != -1 || !is_open(1000);
}

static void it_tells_when_it_cannot(void **state)
{
    static const long the_range_and_the_list[] = {SYS_close_range, SYS_openat, 0};

    (void)state;
    assert_works(fail_to_close, the_range_and_the_list, ENOSYS);
}
#endif

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(all_from_a_number_on_are_closed),
        claim(nothing_to_close_is_no_failure),
        claim(hundreds_are_closed),
        claim(what_lies_above_the_limit_is_closed),
#ifdef TELLS_WHEN_IT_CANNOT
        claim(it_tells_when_it_cannot),
#endif
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
