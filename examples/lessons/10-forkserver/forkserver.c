/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 10: whose copy is a child?
 *
 * Each child says what it found: a number that the program has set, a table that
 * a function was to make ready, and whose child the system says that it is.  If
 * that is not the program, it is killed in between.
 */

#include <mproc.h>

#include <stdio.h>
#include <string.h>

#include "look.h"

typedef struct child_t {
    mproc_process_t *process;
    mproc_connection_t *line;
    apr_int64_t parent; /* the system's number of it */
} child_t;

static int number = 0;              /* set below the guard */
static char table[32] = "not made"; /* set by make_ready */

/* What all children need, and what would take each of them long. */
static apr_status_t make_ready(mproc_task_t *task)
{
    (void)task;
    strcpy(table, "ready");
    return APR_SUCCESS;
}

/* Say what is there, change it, and end when told to. */
static apr_status_t look_around(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_connection_send(line, MPROC_PACK(number, table, (apr_int64_t)look_parent()),
                                    MPROC_FOREVER));
    strcpy(table, "spoilt");
    return mproc_connection_recv(line, mproc_values_create(mproc_task_mem(task)), MPROC_FOREVER);
}

static const mproc_target_t targets[] = {MPROC_TARGET(make_ready), MPROC_TARGET(look_around),
                                         MPROC_TARGETS_END};

static int is_programs_own(const child_t *child)
{
    return child->parent == mproc_process_pid(mproc_current_process());
}

static void start(child_t *child, const char *name, apr_pool_t *mem)
{
    mproc_values_t *found = mproc_values_create(mem);
    mproc_connection_t *theirs;
    const char *text;
    int seen;

    MPROC_CHECK(mproc_pipe(&child->line, &theirs, MPROC_DUPLEX, mem));
    MPROC_CHECK(mproc_process_start(&child->process, look_around, MPROC_PACK(theirs), NULL, mem));
    MPROC_CHECK(mproc_connection_close(theirs));
    MPROC_CHECK(mproc_connection_recv(child->line, found, MPROC_FOREVER));
    MPROC_CHECK(MPROC_UNPACK(found, &seen, &text, &child->parent));
    printf("%s: the number is %d, the table is %s, the parent is %s\n", name, seen, text,
           is_programs_own(child) ? "the program" : "another process");
}

static void join(child_t *child, const char *name)
{
    char text[120];

    MPROC_CHECK(mproc_process_join(child->process, MPROC_FOREVER));
    printf("%s has ended: %s\n", name,
           mproc_strerror(mproc_process_status(child->process), text, sizeof text));
}

static void kill_parent(const child_t *child)
{
    if (is_programs_own(child)) {
        printf("No process stands between.\n");
        return;
    }
    look_kill(child->parent);
    printf("The process between is killed.\n");
}

int main(int argc, const char *const *argv)
{
    child_t one, two, three;
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));
    MPROC_CHECK(mproc_set_forkserver_preload(make_ready));
    number = 42;
    start(&one, "one", mem);
    start(&two, "two", mem);
    printf("One and two have the same parent: %s\n", one.parent == two.parent ? "yes" : "no");
    kill_parent(&one);
    MPROC_CHECK(mproc_connection_send(one.line, MPROC_NO_ARGS, MPROC_FOREVER));
    join(&one, "one");
    MPROC_CHECK(mproc_process_kill(two.process));
    join(&two, "two");
    start(&three, "three", mem);
    printf("One and three have the same parent: %s\n", one.parent == three.parent ? "yes" : "no");
    MPROC_CHECK(mproc_connection_send(three.line, MPROC_NO_ARGS, MPROC_FOREVER));
    join(&three, "three");
    apr_pool_destroy(mem);
    return 0;
}
