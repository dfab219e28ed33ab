/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory, assertions and patterns for the tests of the API.
 */

#include "claims.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

static int handles_before;
static int uses_all_start_methods;

int make_memory(void **state)
{
    apr_pool_t *mem;

    if (apr_pool_create(&mem, NULL) != APR_SUCCESS)
        return -1;
    *state = mem;
    return 0;
}

int destroy_memory(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

int is_by_forkserver(void)
{
    const char *method = getenv("MPROC_START_METHOD");

    return method != NULL && strcmp(method, MPROC_FORKSERVER) == 0;
}

int code_of_exit(int code)
{
    int is_copy = strcmp(mproc_get_start_method(0), MPROC_SPAWN) != 0;

    return is_copy && !EXIT_CODE_OF_COPIES_IS_KNOWN ? 1 : code;
}

void use_all_start_methods(void)
{
    uses_all_start_methods = 1;
}

int has_forkserver(void)
{
    return is_by_forkserver() || uses_all_start_methods;
}

int count_and_make_memory(void **state)
{
    if (has_forkserver())
        mproc_forkserver_ensure_running(); /* it stays when the test is over */
    handles_before = count_open_handles();
    return make_memory(state);
}

/* What a thread of the system's closes, of handles that were taken on Windows, may go a moment later. */
static int count_handles_that_stay(void)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;
    int count = count_open_handles();

    for (; count > handles_before && apr_time_now() < deadline; count = count_open_handles())
        apr_sleep(1000);
    return count;
}

int destroy_and_count(void **state)
{
    int handles_after;

    apr_pool_destroy(*state);
    handles_after = count_handles_that_stay();
    if (handles_after != handles_before)
        print_error("%d handles were open before, %d are now\n", handles_before, handles_after);
    if (has_unreaped_children())
        print_error("a child was not reaped\n");
    return handles_after != handles_before || has_unreaped_children();
}

void check_status(apr_status_t rv, apr_status_t expected, const char *file, int line)
{
    char is[120], should_be[120];

    if (rv == expected)
        return;
    print_error("status is %d (%s)\n  and not %d (%s)\n  message: %s\n", rv, mproc_strerror(rv, is, sizeof is), expected,
                mproc_strerror(expected, should_be, sizeof should_be), mproc_error_message());
    _fail(file, line);
}

void check_words(const char *text, const char *part, const char *file, int line)
{
    if (strstr(text, part) != NULL)
        return;
    print_error("\"%s\"\n  does not contain \"%s\"\n", text, part);
    _fail(file, line);
}

int test_scale(void)
{
    const char *text = getenv("MPROC_TEST_SCALE");
    int scale = text != NULL ? atoi(text) : 1;

    return scale > 0 ? scale : 1;
}

/* A prime: no buffer's size hides a shift. */
#define PERIOD 251

static unsigned char byte_at(size_t place)
{
    return (unsigned char)(place % PERIOD);
}

/* Period by period, and then all that is there again and again: gibibytes are filled so in time. */
void fill_pattern(unsigned char *bytes, size_t size, size_t offset)
{
    size_t i, more;

    for (i = 0; i < size && i < PERIOD; i++)
        bytes[i] = byte_at(offset + i);
    for (; i < size; i += more) {
        more = i < size - i ? i : size - i;
        memcpy(bytes + i, bytes, more);
    }
}

/* Each byte is as the one a period before it, or it is looked at one by one. */
size_t count_pattern(const unsigned char *bytes, size_t size, size_t offset)
{
    size_t i;

    for (i = 0; i < size; i++) {
        if (i == PERIOD && memcmp(bytes, bytes + PERIOD, size - PERIOD) == 0)
            return size;
        if (bytes[i] != byte_at(offset + i))
            break;
    }
    return i;
}
