/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 1: what is a child?
 *
 * The parent calls a function, and then has it run in two other processes.  One
 * of them succeeds and one fails: the parent waits for both, and says how each has
 * ended.
 */

#include <mproc.h>

#include <stdio.h>

/* Says which process it runs in. */
static apr_status_t add_up(const char *name, int last)
{
    const char *who = mproc_process_name(mproc_current_process());
    long long sum = 0;
    int i;

    if (last < 1)
        return mproc_error_set(APR_EINVAL, "%s wants the sum of 1 to %d, and there is none", name,
                               last);
    for (i = 1; i <= last; i++)
        sum += i;
    printf("%s: for %s I add up 1 to %d, which makes %lld\n", who, name, last, sum);
    return APR_SUCCESS;
}

/* What a child begins with: it takes its arguments, and calls a function like any other. */
static apr_status_t add_up_for(mproc_task_t *task)
{
    const char *name;
    int last;

    MPROC_TRY(MPROC_UNPACK(task, &name, &last));
    return add_up(name, last);
}

static const mproc_target_t targets[] = {MPROC_TARGET(add_up_for), MPROC_TARGETS_END};

static void tell_how_it_ended(mproc_process_t *child)
{
    apr_int64_t exitcode;

    MPROC_CHECK(mproc_process_exitcode(child, &exitcode));
    printf("MainProcess: %s has ended with exit code %lld\n", mproc_process_name(child),
           (long long)exitcode);
    if (mproc_process_status(child) != APR_SUCCESS)
        printf("MainProcess: it said: %s\n", mproc_process_error(child));
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_process_t *first, *second;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));

    MPROC_CHECK(add_up("myself", 10)); /* a call: it runs here */

    MPROC_CHECK(mproc_process_start(&first, add_up_for, MPROC_PACK("Anna", 100), NULL, mem));
    MPROC_CHECK(mproc_process_start(&second, add_up_for, MPROC_PACK("Ben", -5), NULL, mem));
    MPROC_CHECK(mproc_process_join(first, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_join(second, MPROC_FOREVER));
    tell_how_it_ended(first);
    tell_how_it_ended(second);
    return 0;
}
