/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 5: what is inherited, and what is not?
 *
 * The parent has three secrets: one in an open file, one in a pipe that it keeps
 * for itself, and one in a pipe that it gives to its child.  Which of them can
 * the child read?
 */

#include <mproc.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "look.h"

#define SECRETS "secrets_of_" START_METHOD ".txt"

static mproc_connection_t *kept = NULL; /* a global: no argument says a word of it */

static void read_file(const char *who, intptr_t number)
{
    char text[64];

    if (look_read(number, text, sizeof text) >= 0)
        printf("%s: the file: %s\n", who, text);
    else
        printf("%s: the file: (that number is no file of mine)\n", who);
}

static void read_pipe(const char *who, const char *which, mproc_connection_t *end, apr_pool_t *mem)
{
    mproc_values_t *message = mproc_values_create(mem);
    const char *text = "(there is none)";
    char reason[120];
    apr_status_t rv = APR_SUCCESS;

    if (end != NULL)
        rv = mproc_connection_recv(end, message, MPROC_FOREVER);
    if (end != NULL && rv == APR_SUCCESS)
        rv = MPROC_UNPACK(message, &text);
    if (rv == APR_SUCCESS)
        printf("%s: the %s pipe: %s\n", who, which, text);
    else
        printf("%s: the %s pipe: (%s)\n", who, which, mproc_strerror(rv, reason, sizeof reason));
}

static apr_status_t look_around(mproc_task_t *task)
{
    long long number;
    mproc_connection_t *given;

    MPROC_TRY(MPROC_UNPACK(task, &number, &given));
    read_file("child", (intptr_t)number);
    read_pipe("child", "kept", kept, mproc_task_mem(task));
    read_pipe("child", "given", given, mproc_task_mem(task));
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(look_around), MPROC_TARGETS_END};

static FILE *open_secrets(void)
{
    FILE *file = fopen(SECRETS, "w+");

    if (file == NULL)
        exit(1);
    fputs("the key is under the mat", file);
    fflush(file); /* out of this process's buffer, into the file */
    return file;
}

/* The end of a pipe that reads; the text lies in the pipe already. */
static mproc_connection_t *pipe_with(const char *text, apr_pool_t *mem)
{
    mproc_connection_t *reader, *writer;

    MPROC_CHECK(mproc_pipe(&reader, &writer, MPROC_ONE_WAY, mem));
    MPROC_CHECK(mproc_connection_send(writer, MPROC_PACK(text), MPROC_FOREVER));
    return reader;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_process_t *child;
    mproc_connection_t *given;
    FILE *secrets;
    long long number;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));

    secrets = open_secrets();
    number = look_handle_of(secrets);
    kept = pipe_with("the dog does not bite", mem);
    given = pipe_with("tea is at five", mem);

    MPROC_CHECK(mproc_process_start(&child, look_around, MPROC_PACK(number, given), NULL, mem));
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));
    read_file("parent", (intptr_t)number);
    read_pipe("parent", "kept", kept, mem);
    fclose(secrets);
    remove(SECRETS);
    apr_pool_destroy(mem); /* with the pipes */
    return 0;
}
