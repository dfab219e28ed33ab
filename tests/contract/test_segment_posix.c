/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: segments and parks in a process that has no descriptors left, that
 * may not make large files, whose standard streams are closed, or on which
 * signals rain.
 */

#include "contract.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE ((size_t)100000)

/* -- Limits -------------------------------------------------------------------------- */

static struct rlimit lower_limit(int which, rlim_t to)
{
    struct rlimit before, lowered;

    assert_int_equal(getrlimit(which, &before), 0);
    lowered = before;
    lowered.rlim_cur = to;
    assert_int_equal(setrlimit(which, &lowered), 0);
    return before;
}

static apr_status_t create_with_limit(port_segment_t **segment, int which, rlim_t limit,
                                      size_t size, apr_pool_t *mem)
{
    struct rlimit before = lower_limit(which, limit);
    apr_status_t rv = port_segment_create(segment, size, mem);

    assert_int_equal(setrlimit(which, &before), 0);
    return rv;
}

static rlim_t lowest_free_descriptor(void)
{
    int descriptor = dup(STDOUT_FILENO);

    assert_true(descriptor >= 0);
    close(descriptor);
    return (rlim_t)descriptor;
}

/* One more descriptor is free each time, until there are enough. */
static void without_descriptors_there_is_a_status_and_nothing_is_left(void **state)
{
    port_segment_t *segment = NULL;
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    rlim_t limit = lowest_free_descriptor();
    int before = count_open_handles();
    size_t failures = 0;
    apr_status_t rv;

    while ((rv = create_with_limit(&segment, RLIMIT_NOFILE, limit, SIZE, *state)) != APR_SUCCESS) {
        assert_int_equal(rv, EMFILE);
        assert_null(segment);
        assert_int_equal(count_open_handles(), before);
        limit++;
        failures++;
    }
    assert_true(failures >= port_segment_handles(segment, handles));
    port_segment_close(segment);
    assert_int_equal(count_open_handles(), before);
}

/* A process that makes a larger file than it may ends by a signal, unless it ignores that. */
static void a_limit_of_file_sizes_gives_a_status(void **state)
{
    port_segment_t *segment = NULL;
    int before = count_open_handles();

    assert_int_equal(create_with_limit(&segment, RLIMIT_FSIZE, 65536, 65537, *state), EFBIG);
    assert_null(segment);
    assert_int_equal(count_open_handles(), before);
    assert_success(create_with_limit(&segment, RLIMIT_FSIZE, 65536, 65536, *state));
    port_segment_close(segment);
}

/* Memory of a segment that there is, in bytes: the file of the memory is the first. */
static size_t count_reserved(const port_segment_t *segment)
{
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    struct stat about;

    port_segment_handles(segment, handles);
    assert_int_equal(fstat((int)handles[0], &about), 0);
    return (size_t)about.st_blocks * 512;
}

/* What is only promised would be missing when it is touched; so what was grown is there before that. */
static void what_is_promised_takes_no_memory_until_it_is_grown(void **state)
{
    port_segment_t *segment;

    assert_success(port_segment_create_growing(&segment, 8192, (size_t)64 << 20, *state));
    assert_int_equal(count_reserved(segment), 8192);
    assert_success(port_segment_grow(segment, 8192, (size_t)1 << 20));
    assert_int_equal(count_reserved(segment), (size_t)1 << 20);
    assert_success(port_segment_follow(segment, 0, (size_t)1 << 20));
    assert_int_equal(count_reserved(segment), (size_t)1 << 20);
    port_segment_close(segment);
}

/* -- Descriptors ----------------------------------------------------------------------- */

static int count_handles_below(port_handle_t first, apr_pool_t *mem)
{
    port_segment_t *segment;
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t count, i;
    int below = 0;

    if (port_segment_create(&segment, SIZE, mem) != APR_SUCCESS)
        return -1;
    count = port_segment_handles(segment, handles);
    for (i = 0; i < count; i++)
        below += handles[i] < first;
    return below;
}

/* In a copy of this process, which needs its own. */
static void none_is_taken_for_a_standard_stream(void **state)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        close(0);
        close(1);
        close(2);
        _exit(count_handles_below(3, *state));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_number_too_large_for_a_descriptor_is_none(void **state)
{
    port_segment_t *segment, *adopted = NULL;
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t count, i;

    assert_success(port_segment_create(&segment, SIZE, *state));
    count = port_segment_handles(segment, handles);
    for (i = 0; i < count; i++) {
        handles[i] = (port_handle_t)((int64_t)handles[i] + ((int64_t)1 << 32));
        if (sizeof(port_handle_t) > sizeof(int))
            assert_int_equal(port_segment_adopt(&adopted, handles, count, *state), APR_EBADF);
        port_segment_handles(segment, handles);
    }
    assert_null(adopted);
    port_segment_close(segment);
}

/* Who touches what its sender has cut off meanwhile is ended by SIGBUS; not every system can tell. */
static void memory_that_can_be_cut_off_is_refused_where_that_is_known(void **state)
{
    port_segment_t *segment, *adopted = NULL;
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    FILE *file = tmpfile();
    size_t count;
    apr_status_t rv;

    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), SIZE), 0);
    assert_success(port_segment_create(&segment, SIZE, *state));
    count = port_segment_handles(segment, handles);
    handles[0] = fileno(file);
    rv = port_segment_adopt(&adopted, handles, count, *state);
    assert_int_equal(rv, CUTS_ARE_KNOWN ? APR_EBADF : APR_SUCCESS);
    if (rv == APR_SUCCESS)
        port_segment_forget(adopted);
    port_segment_close(segment);
    fclose(file);
}

static void what_is_adopted_is_not_inherited(void **state)
{
    port_segment_t *segment, *adopted;
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t count, i;

    assert_success(port_segment_create(&segment, SIZE, *state));
    count = port_segment_handles(segment, handles);
    for (i = 0; i < count; i++)
        make_inheritable(handles[i]);
    assert_success(port_segment_adopt(&adopted, handles, count, *state));
    for (i = 0; i < count; i++)
        assert_false(is_inheritable(handles[i]));
    port_segment_close(adopted);
}

/* -- Names -------------------------------------------------------------------------------- */

/* Where such names can be seen; other processes may have one for a moment. */
static int count_shared_names(void)
{
    DIR *folder = opendir("/dev/shm");
    struct dirent *entry;
    int count = 0;

    if (folder == NULL)
        return 0;
    while ((entry = readdir(folder)) != NULL)
        count += strncmp(entry->d_name, "mproc-", 6) == 0;
    closedir(folder);
    return count;
}

static void a_segment_has_no_name(void **state)
{
    char folder[] = "/tmp/mproc-names-XXXXXX";
    port_deadline_t deadline = in_good_time();
    port_segment_t *segment;

    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("TMPDIR", folder, 1), 0);
    assert_success(port_segment_create(&segment, SIZE, *state));
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_int_equal(rmdir(folder), 0);
    while (count_shared_names() > 0)
        assert_true(port_clock() < deadline);
    port_segment_close(segment);
}

/* -- Signals -------------------------------------------------------------------------------- */

static volatile sig_atomic_t nsignals;

static void count_signal(int number)
{
    (void)number;
    nsignals++;
}

/* Calls that they interrupt fail with EINTR; 0 stops them. */
static void let_signals_rain(suseconds_t interval)
{
    struct sigaction action = {.sa_handler = count_signal};
    struct itimerval timer = {{0, interval}, {0, interval}};

    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* It takes many times as long to make as there is from one signal to the next. */
static void signals_do_not_keep_a_segment_from_being_made(void **state)
{
    port_segment_t *segment;
    apr_status_t rv;

    nsignals = 0;
    let_signals_rain(1000);
    rv = port_segment_create(&segment, (size_t)128 << 20, *state);
    let_signals_rain(0);
    assert_success(rv);
    assert_true(nsignals > 0);
    port_segment_close(segment);
}

static void signals_do_not_move_the_deadline_of_a_park(void **state)
{
    port_segment_t *segment;
    port_deadline_t deadline;
    _Atomic uint32_t *word;

    assert_success(port_segment_create(&segment, SIZE, *state));
    word = port_segment_memory(segment);
    nsignals = 0;
    let_signals_rain(1000);
    for (deadline = in_a_moment(); port_clock() < deadline;)
        port_park(segment, 0, word, 0, deadline);
    let_signals_rain(0);
    assert_true(port_clock() < deadline + 10 * (port_deadline_t)1000000);
    assert_true(nsignals > 0);
    port_segment_close(segment);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(without_descriptors_there_is_a_status_and_nothing_is_left),
        claim(a_limit_of_file_sizes_gives_a_status),
        claim(what_is_promised_takes_no_memory_until_it_is_grown),
        claim(none_is_taken_for_a_standard_stream),
        claim(a_number_too_large_for_a_descriptor_is_none),
        claim(memory_that_can_be_cut_off_is_refused_where_that_is_known),
        claim(what_is_adopted_is_not_inherited),
        claim(a_segment_has_no_name),
        claim(signals_do_not_keep_a_segment_from_being_made),
        claim(signals_do_not_move_the_deadline_of_a_park),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
