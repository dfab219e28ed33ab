/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 7: why can a pointer not be sent, and what can?
 *
 * The parent has a text on the heap.  It gives its child the address of the text,
 * and the text itself.  The child looks at both, changes a word, and sends back
 * what it has.
 */

#include <mproc.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "look.h"

/* So large that the middle of it is a place where a new process surely has nothing. */
#define HAYSTACK_SIZE (64 * 1024 * 1024)

/* Only if there is something: to read where nothing is would end the process at once. */
static void look_at(char *place, int offset)
{
    if (!look_is_readable(place)) {
        printf("child: there is nothing that I could read\n");
        return;
    }
    printf("child: there I read \"%s\"\n", place);
    memcpy(place + offset, "button", 6);
    printf("child: I change that to \"%s\"\n", place);
}

static apr_status_t look_and_answer(mproc_task_t *task)
{
    unsigned long long address;
    const char *sent;
    int offset;
    mproc_connection_t *answer;
    char changed[64];

    MPROC_TRY(MPROC_UNPACK(task, &address, &sent, &offset, &answer));
    printf("child: I was given the address 0x%llx\n", address);
    look_at((char *)(uintptr_t)address, offset);

    printf("child: I was sent \"%s\"\n", sent);
    printf("child: from its character %d on it says \"%s\"\n", offset, sent + offset);
    snprintf(changed, sizeof changed, "%s", sent);
    memcpy(changed + offset, "button", 6);
    return mproc_connection_send(answer, MPROC_PACK(changed), MPROC_FOREVER);
}

static const mproc_target_t targets[] = {MPROC_TARGET(look_and_answer), MPROC_TARGETS_END};

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_process_t *child;
    mproc_connection_t *here, *there;
    mproc_values_t *message;
    const char *answer;
    char *haystack, *text, *needle;
    unsigned long long address;
    int offset;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));

    haystack = malloc(HAYSTACK_SIZE);
    if (haystack == NULL)
        return 1;
    text = haystack + HAYSTACK_SIZE / 2;
    strcpy(text, "a needle in a haystack");
    needle = strstr(text, "needle");
    offset = (int)(needle - text); /* how far it is from the beginning */
    address = (uintptr_t)text;
    printf("parent: my text is at the address 0x%llx\n", address);

    MPROC_CHECK(mproc_pipe(&here, &there, MPROC_ONE_WAY, mem));
    MPROC_CHECK(mproc_process_start(&child, look_and_answer,
                                    MPROC_PACK(address, text, offset, there), NULL, mem));
    mproc_connection_close(there); /* the child has its own */
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));

    printf("parent: there I read \"%s\"\n", text);
    message = mproc_values_create(mem);
    MPROC_CHECK(mproc_connection_recv(here, message, MPROC_FOREVER));
    MPROC_CHECK(MPROC_UNPACK(message, &answer));
    printf("parent: my child sends me \"%s\"\n", answer);
    free(haystack);
    apr_pool_destroy(mem); /* with the pipe and the message */
    return 0;
}
