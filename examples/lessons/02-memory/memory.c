/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 2: what does a child remember?
 *
 * The parent changes a global variable, puts a text on the heap, and reads the
 * first line of a file.  Then it starts a child that looks at all three.
 */

#include <mproc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTES "notes_of_" START_METHOD ".txt"

static int answer = 0;     /* a global */
static char *text = NULL;  /* will point to the heap */
static FILE *notes = NULL; /* will be open, after its first line */

static void print_all(const char *who)
{
    char line[64] = "(no file)\n";

    printf("%s: answer is %d\n", who, answer);
    printf("%s: text is %s\n", who, text != NULL ? text : "(nothing)");
    if (notes != NULL && fgets(line, sizeof line, notes) == NULL)
        strcpy(line, "(nothing left)\n");
    printf("%s: the next line of the file is %s", who, line);
}

static apr_status_t look_and_change(mproc_task_t *task)
{
    const char *gift;

    MPROC_TRY(MPROC_UNPACK(task, &gift));
    print_all("child");
    printf("child: I was given %s\n", gift);
    answer = 100; /* whose answer is this? */
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(look_and_change), MPROC_TARGETS_END};

/* A file of three lines, of which the first one is read. */
static FILE *open_notes(void)
{
    char line[64];
    FILE *file = fopen(NOTES, "w+");

    if (file == NULL)
        exit(1);
    setvbuf(file, NULL, _IONBF, 0); /* no buffer: lesson 4 is about those */
    fputs("one\ntwo\nthree\n", file);
    rewind(file);
    fgets(line, sizeof line, file);
    return file;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_process_t *child;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));

    answer = 42;
    text = malloc(32);
    if (text == NULL)
        return 1;
    strcpy(text, "a text on the heap");
    notes = open_notes();

    MPROC_CHECK(mproc_process_start(&child, look_and_change, MPROC_PACK("an argument"), NULL, mem));
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));
    print_all("parent");
    free(text);
    fclose(notes);
    remove(NOTES);
    return 0;
}
