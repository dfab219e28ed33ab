/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The walk of walk.h.
 */

#include "walk.h"

#include "status.h"

#include <stdio.h>

static char poison;
const mproc_target_t walk_targets[] = {MPROC_TARGET(work), MPROC_TARGET(twice), MPROC_TARGETS_END};

apr_status_t work(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

apr_status_t twice(const void *item, void *result, mproc_task_t *task)
{
    int number;

    (void)task;
    memcpy(&number, item, sizeof number);
    number *= 2;
    memcpy(result, &number, sizeof number);
    return APR_SUCCESS;
}

int end_program(void **state)
{
    (void)state;
    fake_program_end();
    return 0;
}

int is_poison(const void *made)
{
    return made == &poison;
}

void set_up_nothing(scene_t *scene)
{
    (void)scene;
}

void set_up_pipe(scene_t *scene)
{
    assert_success(mproc_pipe(&scene->here, &scene->there, MPROC_DUPLEX, scene->mem));
}

void set_up_queue(scene_t *scene)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.capacity = SMALL;
    options.processes = 2;
    assert_success(mproc_queue_create(&scene->queue, &options, scene->mem));
}

void start(scene_t *scene, fake_act_fn *act, const mproc_process_options_t *options)
{
    fake_children_act(act, 0);
    assert_success(apr_pool_create(&scene->childs, scene->mem));
    assert_success(
        mproc_process_start(&scene->process, work, MPROC_NO_ARGS, options, scene->childs));
}

/* -- One step ------------------------------------------------------------------------ */

static char where[200]; /* for the words of an assertion that fails */

static void check_that(int holds, const char *claim)
{
    if (!holds)
        fail_msg("%s: not so: %s; the message is \"%s\"", where, claim, mproc_error_message());
}

static void set_poison(scene_t *scene)
{
    scene->made[0] = scene->made[1] = &poison;
    scene->number = -4711;
    scene->size = 4711;
}

static int is_untouched(const scene_t *scene)
{
    return is_poison(scene->made[0]) && is_poison(scene->made[1]) && scene->number == -4711 &&
           scene->size == 4711;
}

static int is_among(const char *const *names, const char *name)
{
    for (; names != NULL && *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return 1;
    return 0;
}

static void hush(void)
{
    mproc_error_set(APR_SUCCESS, "%s", "");
}

static void check_as_expected(const walk_t *walk, scene_t *scene)
{
    if (walk->expected != APR_SUCCESS)
        check_that(is_untouched(scene), "outputs are untouched");
    if (walk->check != NULL)
        walk->check(scene);
}

/* The message has to be for this status. */
static void check_failed(const walk_t *walk, scene_t *scene, apr_status_t rv)
{
    check_that(rv != APR_SUCCESS && rv != walk->expected, "the failure is told");
    check_that(mproc__error_words(rv)[0] != '\0', "there is a message");
    check_that(is_untouched(scene), "outputs are untouched");
}

/* What fails: the n-th call that can, once or with all that follow; or none. */
typedef struct failing_t {
    int n;
    apr_status_t status;
    int goes_on;
} failing_t;

static const failing_t nothing = {0, APR_SUCCESS, 0};

static apr_status_t make_the_call(const walk_t *walk, scene_t *scene, const failing_t *failing)
{
    apr_status_t rv;

    set_poison(scene);
    hush();
    (failing->goes_on ? fake_fail_from : fake_fail)(failing->n, failing->status);
    rv = walk->call(scene);
    fake_relent();
    snprintf(where, sizeof where, "call %d, %s, failed%s with %d, and the whole returned %d",
             failing->n, fake_failed() != NULL ? fake_failed() : "none",
             failing->goes_on ? " like all after it" : "", failing->status, rv);
    return rv;
}

/* One that cannot be ended or waited for is closed, which ends it, and nobody can ask how. */
static int may_stay_unreaped(const failing_t *failing)
{
    static const char *const functions[] = {"port_process_stop", "port_process_wait", NULL};

    return failing->goes_on || (fake_failed() != NULL && is_among(functions, fake_failed()));
}

static void check_open(const fake_open_t *before, int lets_zombies)
{
    fake_open_t now;

    fake_let_all_act();
    now = fake_open();
    if (lets_zombies)
        now.unreaped = before->unreaped;
    if (memcmp(&now, before, sizeof now) != 0)
        fail_msg("%s: open now, and before: handles %d, %d; processes %d, %d; running %d, %d; "
                 "unreaped %d, %d; blocks %d, %d; pools %d, %d; holds %d, %d",
                 where, now.handles, before->handles, now.processes, before->processes, now.running,
                 before->running, now.unreaped, before->unreaped, now.blocks, before->blocks,
                 now.pools, before->pools, now.holds, before->holds);
}

static int may_come_afterwards(const walk_t *walk, apr_status_t rv)
{
    const apr_status_t *status = walk->afterwards;

    while (*status != APR_SUCCESS && *status != rv)
        status++;
    return *status != APR_SUCCESS;
}

static void call_again(const walk_t *walk, scene_t *scene)
{
    apr_status_t rv = make_the_call(walk, scene, &nothing);

    if (rv == walk->expected) {
        check_as_expected(walk, scene);
        return;
    }
    check_that(may_come_afterwards(walk, rv), "the same call works afterwards");
    check_that(mproc__error_words(rv)[0] != '\0', "it says that it does not");
}

static void check_step(const walk_t *walk, scene_t *scene, int n, apr_status_t rv)
{
    if (n == 0) {
        check_that(rv == walk->expected, "without a failure it returns what is expected");
        check_as_expected(walk, scene);
        return;
    }
    check_that(fake_failed() != NULL, "the call failed that was to fail");
    if (rv == walk->expected && is_among(walk->harmless, fake_failed()))
        check_as_expected(walk, scene);
    else
        check_failed(walk, scene, rv);
    call_again(walk, scene);
}

/* How many calls there were that could fail. */
static int take_step(const walk_t *walk, const failing_t *failing)
{
    apr_pool_t *mem = fake_program_begin(walk_targets);
    fake_open_t before = fake_open();
    scene_t scene;
    int calls, lets_zombies;
    apr_status_t rv;

    memset(&scene, 0, sizeof scene);
    assert_success(apr_pool_create(&scene.mem, mem));
    walk->set_up(&scene);
    rv = make_the_call(walk, &scene, failing);
    calls = fake_calls();
    lets_zombies = may_stay_unreaped(failing);
    check_step(walk, &scene, failing->n, rv);
    apr_pool_destroy(scene.mem);
    if (walk->tear_down != NULL)
        walk->tear_down();
    check_open(&before, lets_zombies);
    fake_program_end();
    return calls;
}

void take_walk(const walk_t *walk)
{
    failing_t ways[] = {{0, APR_EMFILE, 0}, {0, APR_ENOMEM, 0}, {0, APR_ENOMEM, 1}};
    int calls = take_step(walk, &nothing);
    size_t i;

    check_that(calls > 0, "there is something that can fail");
    for (i = 0; i < sizeof ways / sizeof ways[0]; i++)
        for (ways[i].n = 1; ways[i].n <= calls; ways[i].n++)
            take_step(walk, &ways[i]);
}

void take_short_walk(const walk_t *walk)
{
    check_that(take_step(walk, &nothing) == 0, "there is nothing that can fail");
}
