/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 3: why the guard?
 *
 * What stands above mproc_init in main runs in the program, and once more in every
 * child that is spawned.  This program tries to start a child up there too, which
 * would never come to an end: mproc refuses.
 */

#include <mproc.h>

#include <stdio.h>
#include <string.h>

static apr_status_t say_hello(mproc_task_t *task)
{
    printf("child: my target runs\n");
    (void)task;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(say_hello), MPROC_TARGETS_END};

/* As far as the first empty line; the rest of the message shows how main must begin. */
static void print_first_sentence(const char *message)
{
    const char *end = strstr(message, "\n\n");

    printf("%.*s\n", end != NULL ? (int)(end - message) : (int)strlen(message), message);
}

static void start_too_early(void)
{
    mproc_process_t *child;
    apr_status_t rv = mproc_process_start(&child, say_hello, MPROC_NO_ARGS, NULL, NULL);

    printf("above the guard: a start returns %s:\n",
           rv == MPROC_EBOOTSTRAP ? "MPROC_EBOOTSTRAP" : "another status");
    print_first_sentence(mproc_error_message());
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_process_t *child;

    printf("above the guard: main begins, argc is %d\n", argc);
    start_too_early(); /* an attempt for this lesson: nothing belongs above the guard */

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    printf("below the guard: argc is %d\n", argc);
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));

    MPROC_CHECK(mproc_process_start(&child, say_hello, MPROC_NO_ARGS, NULL, mem));
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));
    printf("below the guard: the child has ended\n");
    return 0;
}
