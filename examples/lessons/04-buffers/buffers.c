/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 4: why is the line printed twice?
 *
 * Two lines wait in memory when the child starts: one in stdio's buffer, put there
 * by printf, and one in a buffer of the program's own, which works as stdio's does.
 * mproc knows of the first one only.
 */

#include <mproc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char notes[256]; /* the buffer: text that is not written yet */
static size_t notes_length = 0;

/* What printf is to stdio: keep the text, and write it later with more. */
static void note(const char *text)
{
    size_t length = strlen(text);

    if (length > sizeof notes - notes_length)
        exit(1);
    memcpy(notes + notes_length, text, length);
    notes_length += length;
}

/* What fflush is to stdio: write what has been kept, and keep it no longer. */
static void write_notes(void)
{
    fwrite(notes, 1, notes_length, stdout);
    notes_length = 0;
}

static apr_status_t make_a_note(mproc_task_t *task)
{
    (void)task;
    printf("child: my notes begin with %d characters\n", (int)notes_length);
    note("the child's note\n");
    write_notes(); /* as exit() does with stdio's buffers */
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(make_a_note), MPROC_TARGETS_END};

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_process_t *child;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));
    setvbuf(stdout, NULL, _IOFBF, BUFSIZ); /* on a terminal each line would go out at once */

    printf("the parent's line by printf\n");
    note("the parent's note\n");
    MPROC_CHECK(mproc_process_start(&child, make_a_note, MPROC_NO_ARGS, NULL, mem));
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));
    write_notes();
    return 0;
}
