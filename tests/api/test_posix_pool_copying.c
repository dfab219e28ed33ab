/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What happens to a pool while a map's items are being copied.  A thread that copies is held by a
 * page that it may not read until the test lets it go on.
 */

#include "claims.h"
#include "pools.h"
#include "threads.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HELD_SIZE ((size_t)65536)

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

static unsigned char *held; /* what is to be copied */
static atomic_int is_reached, may_go_on;

static void hold(int number)
{
    (void)number;
    atomic_store(&is_reached, 1);
    while (!atomic_load(&may_go_on))
        usleep(1000);
    mprotect(held, HELD_SIZE, PROT_READ | PROT_WRITE);
}

static void make_held(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = hold;
    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
    assert_int_equal(sigaction(SIGBUS, &action, NULL), 0); /* it is that on macOS */
    held = mmap(NULL, HELD_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);
    assert_true(held != MAP_FAILED);
}

/* In a thread: when the copying has begun. */
static apr_status_t terminate(void *data)
{
    apr_status_t rv;

    while (!atomic_load(&is_reached))
        usleep(1000);
    rv = mproc_pool_terminate(data);
    atomic_store(&may_go_on, 1);
    return rv;
}

static void a_map_whose_items_are_copied_while_the_pool_ends_is_refused(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    work_t ending;

    make_held();
    assert_success(start_thread(&ending, terminate, workers, *state));
    assert_refused(mproc_pool_map(workers, square, held, sizeof(int), NULL, 0,
                                  HELD_SIZE / sizeof(int), PATIENCE),
                   MPROC_ECLOSED, "was terminated");
    assert_success(end_thread(&ending));
    assert_int_equal(munmap(held, HELD_SIZE), 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_map_whose_items_are_copied_while_the_pool_ends_is_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
