/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a forked child has of its parent, and what it has not: memory as it is, no
 * processes, no connections but those that it was given, no text that waits in a
 * buffer, and no lock that mproc or APR would need.
 */

#include "claims.h"
#include "run.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <apr_atomic.h>
#include <apr_env.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NTHREADS 8
#define ROUNDS 12

/* Above it nobody here has any descriptor. */
#define HIGHEST 1024

static const char *own_path;

/* What the parent sets, for the child to see. */
static int number;
static char *text;
static mproc_process_t *sibling, *parents_self;
static mproc_connection_t *not_given;
static apr_pool_t *parents_mem;
static int lines_of_the_program;

/* -- What the children do ------------------------------------------------------ */

static apr_status_t see_memory(mproc_task_t *task)
{
    (void)task;
    if (number != 42 || strcmp(text, "on the heap") != 0)
        return mproc_error_set(APR_EGENERAL, "the number is %d", number);
    number = 43;
    text[0] = 'O';
    return APR_SUCCESS;
}

#define MUST_BE_FOREIGN(call)                                                                      \
    do {                                                                                           \
        if ((call) != MPROC_EFOREIGN)                                                              \
            return mproc_error_set(APR_EGENERAL, "%s is not refused", #call);                      \
    } while (0)

static apr_status_t touch_sibling(mproc_task_t *task)
{
    mproc_process_t **children;
    mproc_sentinel_t sentinel;
    apr_int64_t code;
    size_t count;

    MUST_BE_FOREIGN(mproc_process_join(sibling, 0));
    MUST_BE_FOREIGN(mproc_process_terminate(sibling));
    MUST_BE_FOREIGN(mproc_process_kill(sibling));
    MUST_BE_FOREIGN(mproc_process_status(sibling));
    MUST_BE_FOREIGN(mproc_process_exitcode(sibling, &code));
    MUST_BE_FOREIGN(mproc_process_sentinel(sibling, &sentinel));
    MUST_BE_FOREIGN(mproc_process_close(sibling));
    MUST_BE_FOREIGN(mproc_process_join(parents_self, 0));
    if (mproc_process_is_alive(sibling))
        return mproc_error_set(APR_EGENERAL, "a sibling is taken for a child");
    MPROC_TRY(mproc_active_children(&children, &count, mproc_task_mem(task)));
    return count == 0 ? APR_SUCCESS : mproc_error_set(APR_EGENERAL, "it has %d children", (int)count);
}

/* All of it; whatever is in it belongs to the parent. */
static apr_status_t destroy_parents_memory(mproc_task_t *task)
{
    (void)task;
    apr_pool_destroy(parents_mem);
    return APR_SUCCESS;
}

static apr_status_t use_what_was_not_given(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_waitable_t what[] = {MPROC_WAITABLE(not_given)};
    mproc_process_t *process;
    char byte;
    size_t size;

    MUST_BE_FOREIGN(mproc_wait(what, 1, 0));
    MUST_BE_FOREIGN(mproc_connection_send(not_given, MPROC_PACK(1), 0));
    MUST_BE_FOREIGN(mproc_connection_send_bytes(not_given, "x", 1, 0));
    MUST_BE_FOREIGN(mproc_connection_recv(not_given, values, 0));
    MUST_BE_FOREIGN(mproc_connection_recv_bytes(not_given, &byte, 1, &size, 0));
    MUST_BE_FOREIGN(mproc_connection_poll(not_given, 0));
    MUST_BE_FOREIGN(mproc_process_start(&process, succeed, MPROC_PACK(not_given), NULL, mproc_task_mem(task)));
    return mproc_connection_close(not_given);
}

static apr_status_t read_stdin(mproc_task_t *task)
{
    char byte;

    (void)task;
    return getchar() == EOF && read(0, &byte, 1) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* Pipes and sockets beyond the standard streams. */
static int count_lines(void)
{
    struct stat about;
    int descriptor, count = 0;

    for (descriptor = 3; descriptor < HIGHEST; descriptor++)
        if (fstat(descriptor, &about) == 0 && (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode)))
            count++;
    return count;
}

/* Its control channel, its lifeline, its connection, and what the program itself was started with. */
static apr_status_t have_three_lines(mproc_task_t *task)
{
    int count = count_lines() - lines_of_the_program;

    if (count != 3)
        return mproc_error_set(APR_EGENERAL, "%d pipes and sockets are open", count);
    return answer(task);
}

static apr_status_t leave_by_exit(mproc_task_t *task)
{
    int code;

    MPROC_TRY(MPROC_UNPACK(task, &code));
    exit(code);
}

static apr_status_t do_nothing(void *data)
{
    (void)data;
    return APR_SUCCESS;
}

static apr_status_t have_a_thread(mproc_task_t *task)
{
    work_t work;

    MPROC_TRY(start_thread(&work, do_nothing, NULL, mproc_task_mem(task)));
    return end_thread(&work);
}

/* With memory, locks and a child of its own. */
static apr_status_t make_things(mproc_task_t *task)
{
    apr_pool_t *mem;
    mproc_process_t *process;

    (void)task;
    MPROC_TRY(apr_pool_create(&mem, NULL));
    MPROC_TRY(mproc_set_executable(own_path));
    MPROC_TRY(mproc_at_exit(free, NULL, 0, mem));
    MPROC_TRY(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mem));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    MPROC_TRY(mproc_process_status(process));
    apr_pool_destroy(mem);
    return APR_SUCCESS;
}

/* Its own child is refused, as what its environment asks for is nonsense. */
static apr_status_t have_a_child_refused(mproc_task_t *task)
{
    static const char *const nonsense[] = {"MPROC_LOG=loud", NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.environment = nonsense;
    MPROC_TRY(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    if (mproc_process_status(process) != APR_EINVAL || strstr(mproc_process_error(process), "loud") == NULL)
        return mproc_error_set(APR_EGENERAL, "it says: %s", mproc_process_error(process));
    return mproc_error_set(MPROC_ETORN, "I have heard it");
}

static apr_status_t count_a_run(mproc_task_t *task)
{
    int counter;

    MPROC_TRY(MPROC_UNPACK(task, &counter));
    return write(counter, "x", 1) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t wait_to_be_ended(mproc_task_t *task)
{
    (void)task;
    while (pause() != 0)
        ;
    return APR_SUCCESS;
}

/* A thread that waits for input has the lock of its stream as long as it waits. */
static apr_status_t read_for_ever(void *file)
{
    getc(file);
    return APR_SUCCESS;
}

static apr_status_t leave_a_reader_behind(mproc_task_t *task)
{
    static work_t work;
    int ends[2];
    FILE *file;

    if (pipe(ends) != 0 || (file = fdopen(ends[0], "r")) == NULL)
        return APR_EGENERAL;
    MPROC_TRY(start_thread(&work, read_for_ever, file, mproc_task_mem(task)));
    while (ftrylockfile(file) == 0) {
        funlockfile(file);
        apr_thread_yield();
    }
    return APR_SUCCESS;
}

static apr_status_t print_once(mproc_task_t *task)
{
    (void)task;
    printf("<child>");
    fprintf(stderr, "<child>");
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(see_memory),       MPROC_TARGET(touch_sibling), MPROC_TARGET(destroy_parents_memory),
    MPROC_TARGET(use_what_was_not_given), MPROC_TARGET(read_stdin), MPROC_TARGET(have_three_lines),
    MPROC_TARGET(leave_by_exit),    MPROC_TARGET(make_things),   MPROC_TARGET(print_once),
    MPROC_TARGET(have_a_thread),    MPROC_TARGET(have_a_child_refused), MPROC_TARGET(count_a_run),
    MPROC_TARGET(wait_to_be_ended), MPROC_TARGET(leave_a_reader_behind),
    MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END,
};

static void assert_works(mproc_target_fn *target, const mproc_pack_t *args, apr_pool_t *mem)
{
    mproc_process_t *process;

    assert_success(status_of(&process, target, args, NULL, mem));
}

/* -- Memory, processes, connections ------------------------------------------------------ */

static void memory_is_inherited_as_it_is_and_is_a_copy(void **state)
{
    text = strdup("on the heap");
    number = 42;
    assert_works(see_memory, MPROC_NO_ARGS, *state);
    assert_int_equal(number, 42);
    assert_string_equal(text, "on the heap");
    free(text);
}

static void a_child_has_none_of_its_parents_processes(void **state)
{
    mproc_connection_t *line;

    parents_self = mproc_current_process();
    start_born(&sibling, &line, answer, NULL, *state);
    assert_works(touch_sibling, MPROC_NO_ARGS, *state);
    assert_success(say(line, "still there?"));
    assert_string_equal(hear(line, *state), "still there?");
}

static void destroying_the_parents_memory_in_a_child_changes_nothing(void **state)
{
    mproc_connection_t *line, *here;

    assert_success(apr_pool_create(&parents_mem, *state));
    start_born(&sibling, &line, answer, NULL, parents_mem);
    assert_success(mproc_pipe(&here, &not_given, MPROC_DUPLEX, parents_mem));
    assert_works(destroy_parents_memory, MPROC_NO_ARGS, *state);
    assert_success(say(line, "still there?"));
    assert_string_equal(hear(line, *state), "still there?");
    assert_success(say(not_given, "and here?"));
    assert_string_equal(hear(here, *state), "and here?");
}

static void a_connection_that_was_not_given_is_refused(void **state)
{
    mproc_connection_t *here;

    assert_success(mproc_pipe(&here, &not_given, MPROC_DUPLEX, *state));
    assert_works(use_what_was_not_given, MPROC_NO_ARGS, *state);
    assert_success(say(here, "still there?"));
    assert_string_equal(hear(not_given, *state), "still there?");
}

/* What the parent has read ahead is in its memory, and so in the child's; nobody hears it twice. */
static void a_message_is_heard_once(void **state)
{
    mproc_connection_t *here;

    assert_success(mproc_pipe(&here, &not_given, MPROC_DUPLEX, *state));
    assert_success(say(here, "one"));
    assert_success(say(here, "two"));
    assert_string_equal(hear(not_given, *state), "one");
    assert_works(use_what_was_not_given, MPROC_NO_ARGS, *state);
    assert_string_equal(hear(not_given, *state), "two");
}

static void the_end_of_a_connection_is_noticed_though_children_run(void **state)
{
    mproc_connection_t *line, *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    start_born(&process, &line, answer, NULL, *state);
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(here, *state), "(end)");
}

static void stdin_is_empty(void **state)
{
    assert_works(read_stdin, MPROC_NO_ARGS, *state);
}

/* -- Threads --------------------------------------------------------------------------------- */

static void a_child_can_have_threads(void **state)
{
    assert_works(have_a_thread, MPROC_NO_ARGS, *state);
}

static apr_status_t fork_and_talk(void *mem)
{
    int i;

    for (i = 0; i < ROUNDS * test_scale(); i++) {
        mproc_connection_t *here, *there;
        mproc_process_t *process;
        apr_status_t rv;

        MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
        MPROC_TRY(mproc_process_start(&process, have_three_lines, MPROC_PACK(there), NULL, mem));
        MPROC_TRY(mproc_connection_close(there));
        hear(here, mem);
        MPROC_TRY(mproc_connection_close(here));
        MPROC_TRY(mproc_process_join(process, PATIENCE));
        rv = mproc_process_status(process);
        if (rv != APR_SUCCESS) {
            print_error("%s\n", mproc_process_error(process));
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* Makes and destroys what has locks, so that a fork comes in the middle. */
static apr_uint32_t is_over;

static apr_status_t be_busy(void *data)
{
    (void)data;
    while (!apr_atomic_read32(&is_over)) {
        apr_pool_t *mem;

        MPROC_TRY(apr_pool_create(&mem, NULL));
        apr_palloc(mem, 100000);
        MPROC_TRY(mproc_at_exit(free, NULL, 0, mem));
        MPROC_TRY(mproc_set_executable(own_path));
        MPROC_TRY(mproc_set_executable(NULL));
        apr_pool_destroy(mem);
    }
    return APR_SUCCESS;
}

/* Each thread in memory of its own, which it may use as it likes. */
static void run_in_threads(work_fn *function, work_t work[NTHREADS], apr_pool_t *mem)
{
    int i;

    for (i = 0; i < NTHREADS; i++) {
        apr_pool_t *own;

        assert_success(apr_pool_create(&own, mem));
        assert_success(start_thread(&work[i], function, own, mem));
    }
}

static void threads_fork_children_that_have_nothing_of_each_other(void **state)
{
    work_t work[NTHREADS];
    int i, failures = 0;

    run_in_threads(fork_and_talk, work, *state);
    for (i = 0; i < NTHREADS; i++)
        failures += end_thread(&work[i]) != APR_SUCCESS;
    assert_int_equal(failures, 0);
}

static void locks_that_threads_hold_are_free_in_a_child(void **state)
{
    work_t work[2];
    int i;

    apr_atomic_set32(&is_over, 0);
    for (i = 0; i < 2; i++)
        assert_success(start_thread(&work[i], be_busy, NULL, *state));
    for (i = 0; i < 50 * test_scale(); i++) {
        apr_pool_t *mem;
        mproc_process_t *process;

        assert_success(apr_pool_create(&mem, *state));
        assert_success(status_of(&process, make_things, MPROC_NO_ARGS, NULL, mem));
        apr_pool_destroy(mem);
    }
    apr_atomic_set32(&is_over, 1);
    for (i = 0; i < 2; i++)
        assert_success(end_thread(&work[i]));
}

/* -- Births ---------------------------------------------------------------------------------- */

static void a_birth_that_fails_is_heard_by_its_own_parent(void **state)
{
    mproc_process_t *process;

    assert_status(status_of(&process, have_a_child_refused, MPROC_NO_ARGS, NULL, *state), MPROC_ETORN);
    assert_string_equal(mproc_process_error(process), "I have heard it");
}

/* With fewer descriptors than it needs, each at another place. */
static void a_start_that_fails_has_not_run_its_target(void **state)
{
    struct rlimit before, limit;
    int counter[2], is_started = 0, runs = 0;
    char byte;

    assert_int_equal(pipe(counter), 0);
    fcntl(counter[0], F_SETFL, O_NONBLOCK);
    getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    for (limit.rlim_cur = (rlim_t)counter[1] + 1; !is_started; limit.rlim_cur++) {
        mproc_process_t *process;

        setrlimit(RLIMIT_NOFILE, &limit);
        is_started =
            mproc_process_start(&process, count_a_run, MPROC_PACK(counter[1]), NULL, *state) == APR_SUCCESS;
        setrlimit(RLIMIT_NOFILE, &before);
        if (is_started)
            assert_ended(process, 0);
    }
    while (read(counter[0], &byte, 1) == 1)
        runs++;
    assert_int_equal(runs, 1);
    close(counter[0]);
    close(counter[1]);
}

/* -- Ends ------------------------------------------------------------------------------------ */

static void a_thread_that_reads_does_not_keep_a_child_from_ending(void **state)
{
    assert_works(leave_a_reader_behind, MPROC_NO_ARGS, *state);
}

/* Where exit() does not tell its code, that is told. */
static void exit_of_a_forked_child_is_told(void **state)
{
    mproc_process_t *process;
    apr_status_t rv = status_of(&process, leave_by_exit, MPROC_PACK(7), NULL, *state);

    assert_status(rv, EXIT_CODE_IS_KNOWN ? MPROC_EEXIT : MPROC_ELOST);
    assert_words(mproc_process_error(process), EXIT_CODE_IS_KNOWN ? "leave_by_exit called exit(7)" : "return a status");
    assert_ended(process, EXIT_CODE_IS_KNOWN ? 7 : 1);
    rv = status_of(&process, leave_by_exit, MPROC_PACK(0), NULL, *state);
    assert_status(rv, EXIT_CODE_IS_KNOWN ? APR_SUCCESS : MPROC_ELOST);
}

/* -- Seen from outside: this program is run again --------------------------------------------------- */

/* Text waits in the buffers of stdout, stderr and a file when it forks. */
static int be_parent_with_full_buffers(apr_pool_t *mem)
{
    char path[] = "/tmp/mproc-test-XXXXXX", line[64];
    FILE *file = fdopen(mkstemp(path), "w+");
    mproc_process_t *process;

    unlink(path);
    setvbuf(stderr, malloc(4096), _IOFBF, 4096);
    printf("<stdout>");
    fprintf(stderr, "<stderr>");
    fprintf(file, "<file>");
    MPROC_CHECK(mproc_process_start(&process, print_once, MPROC_NO_ARGS, NULL, mem));
    MPROC_CHECK(mproc_process_join(process, MPROC_FOREVER));
    rewind(file);
    printf("%s\n", fgets(line, sizeof line, file));
    return 0;
}

static apr_status_t wait_to_be_told(void *line)
{
    char word[8];
    size_t size;

    return mproc_connection_recv_bytes(line, word, sizeof word, &size, PATIENCE);
}

static int be_parent_with_a_thread(apr_pool_t *mem)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    work_t work;

    MPROC_CHECK(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    MPROC_CHECK(start_thread(&work, wait_to_be_told, there, mem));
    MPROC_CHECK(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mem));
    MPROC_CHECK(mproc_process_join(process, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_status(process));
    MPROC_CHECK(say(here, "go on"));
    MPROC_CHECK(end_thread(&work));
    return 0;
}

/* A log that waits in its buffer, while another thread is there. */
static int be_parent_with_a_log(apr_pool_t *mem)
{
    char path[] = "/tmp/mproc-test-XXXXXX", line[64];
    FILE *file = fdopen(mkstemp(path), "w+");
    int i;

    unlink(path);
    fprintf(file, "<log>");
    for (i = 0; i < 3; i++)
        be_parent_with_a_thread(mem);
    rewind(file);
    printf("%s\n", fgets(line, sizeof line, file));
    return 0;
}

static void exit_with_3(int signal_number)
{
    (void)signal_number;
    exit(3);
}

static void tell_of_parents_handler(void)
{
    if (mproc_current_process() == NULL || mproc_parent_process() != NULL)
        printf("<the parent's, in a child>");
}

/* Children that are ended while they are born, with a handler of their parent's that calls exit(). */
static int be_parent_with_a_handler(apr_pool_t *mem)
{
    int i;

    atexit(tell_of_parents_handler);
    signal(SIGTERM, exit_with_3);
    for (i = 0; i < 300; i++) {
        mproc_process_t *process;

        MPROC_CHECK(mproc_process_start(&process, wait_to_be_ended, MPROC_NO_ARGS, NULL, mem));
        MPROC_CHECK(mproc_process_terminate(process));
        MPROC_CHECK(mproc_process_join(process, PATIENCE));
    }
    printf("<all have ended>");
    return 0;
}

static void assert_prints(const char *name, const char *output, apr_pool_t *mem)
{
    const char *const arguments[] = {own_path, name, NULL};
    ran_t ran;

    run_program(&ran, arguments, mem);
    assert_string_equal(ran.errors, "");
    assert_string_equal(ran.output, output);
    assert_int_equal(ran.exitcode, 0);
}

static void a_log_of_a_parent_with_threads_is_written_once(void **state)
{
    assert_prints("log", "<log>\n", *state);
}

static void a_handler_that_exits_runs_in_whole_children_only(void **state)
{
    assert_prints("handler", "<all have ended>", *state);
}

static void nothing_that_waits_in_a_buffer_is_printed_twice(void **state)
{
    const char *const arguments[] = {own_path, "buffers", NULL};
    ran_t ran;

    run_program(&ran, arguments, *state);
    assert_string_equal(ran.output, "<stdout><child><file>\n");
    assert_string_equal(ran.errors, "<stderr><child>");
    assert_int_equal(ran.exitcode, 0);
}

static void run_with_log(ran_t *ran, const char *level, apr_pool_t *mem)
{
    const char *const arguments[] = {own_path, "thread", NULL};

    assert_success(apr_env_set("MPROC_LOG", level, mem));
    run_program(ran, arguments, mem);
    assert_success(apr_env_delete("MPROC_LOG", mem));
}

static void threads_are_warned_of_in_the_log(void **state)
{
    ran_t ran;

    run_with_log(&ran, "", *state);
    assert_string_equal(ran.errors, "");
    run_with_log(&ran, "warning", *state);
    assert_int_equal(ran.exitcode, 0);
    if (!THREADS_ARE_COUNTED)
        return;
    assert_words(ran.errors, "[WARNING/MainProcess] this process has ");
    assert_words(ran.errors, " threads, and forks Process-1: ");
    assert_words(ran.errors, "start it by spawn");
}

static void the_log_tells_what_a_child_goes_through(void **state)
{
    ran_t ran;

    run_with_log(&ran, "debug", *state);
    assert_words(ran.errors, "[DEBUG/MainProcess] started Process-1 by fork");
    assert_words(ran.errors, "[INFO/Process-1] child process calling succeed");
    run_with_log(&ran, "loud", *state);
    assert_int_equal(ran.exitcode, 1);
    assert_words(ran.errors, "MPROC_LOG is \"loud\"; it can be warning, info or debug");
}

static int be_parent(const char *name, apr_pool_t *mem)
{
    if (strcmp(name, "buffers") == 0)
        return be_parent_with_full_buffers(mem);
    if (strcmp(name, "log") == 0)
        return be_parent_with_a_log(mem);
    return strcmp(name, "handler") == 0 ? be_parent_with_a_handler(mem) : be_parent_with_a_thread(mem);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(memory_is_inherited_as_it_is_and_is_a_copy),
        claim_leaving_nothing(a_child_has_none_of_its_parents_processes),
        claim_leaving_nothing(destroying_the_parents_memory_in_a_child_changes_nothing),
        claim_leaving_nothing(a_connection_that_was_not_given_is_refused),
        claim_leaving_nothing(a_message_is_heard_once),
        claim_leaving_nothing(the_end_of_a_connection_is_noticed_though_children_run),
        claim_leaving_nothing(stdin_is_empty),
        claim_leaving_nothing(a_child_can_have_threads),
        claim_leaving_nothing(threads_fork_children_that_have_nothing_of_each_other),
        claim_leaving_nothing(locks_that_threads_hold_are_free_in_a_child),
        claim_leaving_nothing(a_birth_that_fails_is_heard_by_its_own_parent),
        claim_leaving_nothing(a_start_that_fails_has_not_run_its_target),
        claim_leaving_nothing(a_thread_that_reads_does_not_keep_a_child_from_ending),
        claim_leaving_nothing(exit_of_a_forked_child_is_told),
        claim(a_log_of_a_parent_with_threads_is_written_once),
        claim(a_handler_that_exits_runs_in_whole_children_only),
        claim(nothing_that_waits_in_a_buffer_is_printed_twice),
        claim(threads_are_warned_of_in_the_log),
        claim(the_log_tells_what_a_child_goes_through),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    lines_of_the_program = count_lines();
    MPROC_CHECK(mproc_set_start_method(MPROC_FORK, 0));
    if (argc > 1)
        return be_parent(argv[1], mem);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
