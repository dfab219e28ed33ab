/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What runs in the fork server before it makes its first child: once, for all of them; or in vain,
 * and then every start says so.  As a process has one server, each test but the first few runs
 * this program again.
 */

#include "claims.h"
#include "run.h"
#include "servers_posix.h"
#include "threads.h"
#include "workers.h"

#include <apr_env.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *own_path;
static const char *notes;     /* as a handler of a signal finds it */
static apr_status_t rv_above; /* of a call above the guard */

/* Threads that start children at the same time. */
enum { CROWD = 8 };

/* What the preload function makes, for children to find. */
static int calls;
static pid_t loader;
static const char *text;

/* -- Preload functions ---------------------------------------------------------------- */

static apr_status_t load(mproc_task_t *task)
{
    calls++;
    loader = getpid();
    text = apr_pstrdup(mproc_task_mem(task), "loaded");
    return mproc_values_count(mproc_task_args(task)) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* A line for each process in which a preload function has begun. */
static void note_call(void)
{
    int file = open(getenv("MPROC_TEST_NOTES"), O_WRONLY | O_APPEND);

    if (file < 0 || write(file, "x", 1) != 1)
        _exit(99);
    close(file);
}

static apr_status_t say_it_loads(mproc_task_t *task)
{
    printf("loading\n");
    return load(task);
}

static apr_status_t find_no_room(mproc_task_t *task)
{
    (void)task;
    note_call();
    return mproc_error_set(APR_ENOSPC, "there is no room for the table");
}

static apr_status_t leave(mproc_task_t *task)
{
    (void)task;
    note_call();
    exit(3);
}

static apr_status_t leave_well(mproc_task_t *task)
{
    (void)task;
    note_call();
    exit(0);
}

static apr_status_t die(mproc_task_t *task)
{
    (void)task;
    note_call();
    raise(SIGKILL);
    return APR_SUCCESS;
}

/* The first one that is called. */
static apr_status_t die_once(mproc_task_t *task)
{
    struct stat about;

    note_call();
    if (stat(getenv("MPROC_TEST_NOTES"), &about) == 0 && about.st_size == 1)
        raise(SIGKILL);
    return load(task);
}

/* Waits until somebody has written what it is to load. */
static apr_status_t load_slowly(mproc_task_t *task)
{
    char word[16] = "";
    int file = open(getenv("MPROC_TEST_NOTES"), O_RDONLY);

    if (file < 0 || read(file, word, sizeof word - 1) < 0)
        return APR_EGENERAL;
    close(file);
    text = apr_pstrdup(mproc_task_mem(task), word);
    return APR_SUCCESS;
}

static apr_status_t wait_for_ever(void *data)
{
    (void)data;
    while (pause() != 0)
        ;
    return APR_SUCCESS;
}

static apr_status_t leave_a_thread(mproc_task_t *task)
{
    static work_t work;

    return start_thread(&work, wait_for_ever, NULL, mproc_task_mem(task));
}

/* A copy of this process, when there is exactly one note, which is one too few for the next. */
static void die_once_in_a_copy(void)
{
    struct stat about;

    if (stat(getenv("MPROC_TEST_NOTES"), &about) != 0 || about.st_size != 1)
        return;
    note_call();
    _exit(1);
}

static apr_status_t make_a_copy_die(mproc_task_t *task)
{
    (void)task;
    return pthread_atfork(NULL, NULL, die_once_in_a_copy);
}

static apr_status_t start_a_child(mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_SPAWN);
    mproc_process_t *process;

    MPROC_TRY(
        mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    MPROC_TRY(mproc_process_status(process));
    return load(task);
}

/* Not in the table of targets. */
static apr_status_t in_no_table(mproc_task_t *task)
{
    return load(task);
}

/* -- Children --------------------------------------------------------------------------- */

static apr_status_t print_what_is_loaded(mproc_task_t *task)
{
    (void)task;
    printf("%d call, %s, by the server: %s\n", calls, text != NULL ? text : "nothing",
           loader == getppid() ? "yes" : "no");
    calls = 77; /* a copy of its own */
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(load),
    MPROC_TARGET(say_it_loads),
    MPROC_TARGET(find_no_room),
    MPROC_TARGET(leave),
    MPROC_TARGET(leave_well),
    MPROC_TARGET(die),
    MPROC_TARGET(die_once),
    MPROC_TARGET(load_slowly),
    MPROC_TARGET(leave_a_thread),
    MPROC_TARGET(start_a_child),
    MPROC_TARGET(make_a_copy_die),
    MPROC_TARGET(print_what_is_loaded),
    MPROC_TARGETS_OF(server_targets),
    MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- Programs --------------------------------------------------------------------------- */

/* A start; and how it went, if it did not. */
static int start_and_print(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;
    char words[120];
    apr_status_t rv =
        mproc_process_start(&process, print_what_is_loaded, MPROC_NO_ARGS, &options, mem);

    if (rv != APR_SUCCESS) {
        printf("%s: %s\n", mproc_strerror(rv, words, sizeof words), mproc_error_message());
        return 0;
    }
    MPROC_CHECK(mproc_process_join(process, PATIENCE));
    MPROC_CHECK(mproc_process_status(process));
    return 0;
}

static mproc_target_fn *preload_of(const char *name)
{
    const mproc_target_t *target;

    for (target = targets; target->name != NULL; target++)
        if (strcmp(target->name, name) == 0)
            return (mproc_target_fn *)target->function;
    return NULL;
}

/* Starts two, whatever comes of it. */
static int be_program(const char *preload, apr_pool_t *mem)
{
    MPROC_CHECK(mproc_set_forkserver_preload(preload_of(preload)));
    return start_and_print(mem) + start_and_print(mem);
}

/* What it has written is in a buffer when it starts: its stdout is a pipe. */
static int be_program_that_has_written(apr_pool_t *mem)
{
    MPROC_CHECK(mproc_set_forkserver_preload(say_it_loads));
    printf("before\n");
    return start_and_print(mem);
}

/* The server is started from an executable that knows nothing of this. */
static int be_program_of_another(apr_pool_t *mem)
{
    MPROC_CHECK(mproc_set_executable(FOREIGN_PROGRAM));
    return start_and_print(mem);
}

static void write_what_is_loaded(void)
{
    int file = open(notes, O_WRONLY);

    if (file >= 0 && write(file, "slowly", 6) == 6)
        close(file);
}

/* It has the server ahead of its first start, and does something else meanwhile. */
static int be_program_that_is_early(apr_pool_t *mem)
{
    MPROC_CHECK(mproc_set_forkserver_preload(load_slowly));
    MPROC_CHECK(mproc_forkserver_ensure_running());
    MPROC_CHECK(mproc_forkserver_ensure_running());
    printf("early, ");
    fflush(stdout);
    write_what_is_loaded();
    return start_and_print(mem);
}

static void let_load(int signal)
{
    (void)signal;
    write_what_is_loaded();
}

/* A handler runs while a start waits, which waits for that. */
static int be_program_that_is_called(apr_pool_t *mem)
{
    MPROC_CHECK(mproc_set_forkserver_preload(load_slowly));
    MPROC_CHECK(mproc_forkserver_ensure_running());
    signal(SIGALRM, let_load);
    alarm(1);
    return start_and_print(mem);
}

/* A fork(2), and a start by fork, while another thread waits for the server. */
static apr_status_t fork_and_let_load(void *data)
{
    mproc_process_options_t options = by(MPROC_FORK);
    mproc_process_t *process;
    pid_t pid;

    apr_sleep(apr_time_from_sec(1));
    pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        return APR_EGENERAL;
    MPROC_TRY(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, data));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    write_what_is_loaded();
    return APR_SUCCESS;
}

static int be_program_that_forks(apr_pool_t *mem)
{
    apr_pool_t *own;
    work_t work;

    MPROC_CHECK(apr_pool_create(&own, mem));
    MPROC_CHECK(mproc_set_forkserver_preload(load_slowly));
    MPROC_CHECK(mproc_forkserver_ensure_running());
    MPROC_CHECK(start_thread(&work, fork_and_let_load, own, mem));
    start_and_print(mem);
    MPROC_CHECK(end_thread(&work));
    return 0;
}

static apr_status_t start_beside_others(void *data)
{
    return start_and_print(data) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* Its threads wait for the same server, and start at the same time. */
static int be_crowd(const char *preload, apr_pool_t *mem)
{
    work_t works[CROWD];
    int i;

    MPROC_CHECK(mproc_set_forkserver_preload(preload_of(preload)));
    for (i = 0; i < CROWD; i++) {
        apr_pool_t *own;

        MPROC_CHECK(apr_pool_create(&own, mem));
        MPROC_CHECK(start_thread(&works[i], start_beside_others, own, mem));
    }
    for (i = 0; i < CROWD; i++)
        MPROC_CHECK(end_thread(&works[i]));
    apr_pool_destroy(mem);
    return 0;
}

/* The copy for its second child dies before it is one; its first child lives on. */
static int be_program_whose_copy_dies(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *dead;
    apr_int64_t code;
    served_t one, two;

    MPROC_CHECK(mproc_set_forkserver_preload(make_a_copy_die));
    start_served(&one, NULL, mem);
    note_call();
    MPROC_CHECK(mproc_process_start(&dead, succeed, MPROC_NO_ARGS, &options, mem));
    MPROC_CHECK(mproc_process_join(dead, PATIENCE));
    MPROC_CHECK(mproc_process_exitcode(dead, &code));
    start_served(&two, NULL, mem);
    printf("code %d, %s server", (int)code, one.server == two.server ? "the same" : "another");
    MPROC_CHECK(say(one.line, "leave"));
    MPROC_CHECK(say(two.line, "leave"));
    MPROC_CHECK(mproc_process_join(one.process, PATIENCE));
    MPROC_CHECK(mproc_process_join(two.process, PATIENCE));
    apr_pool_destroy(mem);
    return 0;
}

static int be_some_program(const char *role, apr_pool_t *mem)
{
    notes = getenv("MPROC_TEST_NOTES");
    if (strcmp(role, "early") == 0)
        return be_program_that_is_early(mem);
    if (strcmp(role, "has-written") == 0)
        return be_program_that_has_written(mem);
    if (strcmp(role, "foreign") == 0)
        return be_program_of_another(mem);
    if (strcmp(role, "crowd") == 0)
        return be_crowd("die_once", mem);
    if (strcmp(role, "lost-crowd") == 0)
        return be_crowd("die", mem);
    if (strcmp(role, "called") == 0)
        return be_program_that_is_called(mem);
    if (strcmp(role, "forking") == 0)
        return be_program_that_forks(mem);
    return strcmp(role, "copy-dies") == 0 ? be_program_whose_copy_dies(mem) : be_program(role, mem);
}

/* -- Running them -------------------------------------------------------------------------- */

/* With a file for notes; how often a preload function was called. */
static size_t run_with(ran_t *ran, const char *role, apr_pool_t *mem)
{
    const char *const arguments[] = {own_path, role, NULL};
    char path[] = "/tmp/mproc-test-XXXXXX";
    int file = mkstemp(path);
    struct stat about;

    assert_true(file >= 0);
    assert_success(apr_env_set("MPROC_TEST_NOTES", path, mem));
    run_program(ran, arguments, mem);
    assert_success(apr_env_delete("MPROC_TEST_NOTES", mem));
    assert_int_equal(fstat(file, &about), 0);
    unlink(path);
    close(file);
    assert_int_equal(ran->exitcode, 0);
    return (size_t)about.st_size;
}

static void it_runs_once_and_every_child_has_what_it_made(void **state)
{
    ran_t ran;

    run_with(&ran, "load", *state);
    assert_string_equal(ran.output, "1 call, loaded, by the server: yes\n"
                                    "1 call, loaded, by the server: yes\n");
    assert_string_equal(ran.errors, "");
}

static void what_was_written_before_the_start_comes_before_what_it_writes(void **state)
{
    ran_t ran;

    run_with(&ran, "has-written", *state);
    assert_string_equal(ran.output, "before\n"
                                    "loading\n"
                                    "1 call, loaded, by the server: yes\n");
}

static void without_one_there_is_nothing(void **state)
{
    ran_t ran;

    run_with(&ran, "(none)", *state);
    assert_string_equal(ran.output, "0 call, nothing, by the server: no\n"
                                    "0 call, nothing, by the server: no\n");
}

/* The next start tries again, as what was missing may be there then. */
static void when_it_fails_each_start_does_with_its_status_and_words(void **state)
{
    char words[120];
    const char *line;
    ran_t ran;

    assert_int_equal(run_with(&ran, "find_no_room", *state), 2);
    line = apr_psprintf(*state,
                        "%s: the fork server could not go on: there is no room for the table\n",
                        mproc_strerror(APR_ENOSPC, words, sizeof words));
    assert_string_equal(ran.output, apr_pstrcat(*state, line, line, NULL));
    assert_string_equal(ran.errors, "");
}

static void when_it_calls_exit_each_start_fails_with_the_code(void **state)
{
    char words[120];
    const char *line;
    ran_t ran;

    assert_int_equal(run_with(&ran, "leave", *state), 2);
    line = apr_psprintf(
        *state, "%s: the fork server could not go on: its preload function called exit(3)\n",
        mproc_strerror(MPROC_EEXIT, words, sizeof words));
    assert_string_equal(ran.output, apr_pstrcat(*state, line, line, NULL));
}

static void when_it_ends_the_server_each_start_tries_three_times(void **state)
{
    static const char *const roles[] = {"die", "leave_well"};
    static const char *const fates[] = {"ended by signal 9", "as if all were well"};
    size_t i;

    for (i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        ran_t ran;

        assert_int_equal(run_with(&ran, roles[i], *state), 2 * 3);
        assert_words(ran.output, "cannot start Process-1: ");
        assert_words(ran.output, "cannot start Process-2: ");
        assert_words(ran.output, "3 times");
        assert_words(ran.output, fates[i]);
    }
}

static void when_the_executable_is_no_such_program_the_words_ask_for_the_guard(void **state)
{
    ran_t ran;

    run_with(&ran, "foreign", *state);
    assert_words(ran.output, "cannot start Process-1: ");
    assert_words(ran.output, "does its executable call mproc_init first?");
}

static void when_it_dies_once_nobody_notices(void **state)
{
    ran_t ran;

    assert_int_equal(run_with(&ran, "die_once", *state), 2);
    assert_string_equal(ran.output, "1 call, loaded, by the server: yes\n"
                                    "1 call, loaded, by the server: yes\n");
    assert_string_equal(ran.errors, "");
}

static size_t count_words(const char *output, const char *part)
{
    size_t count = 0;

    for (; (output = strstr(output, part)) != NULL; output++)
        count++;
    return count;
}

static void when_it_dies_once_while_many_wait_none_of_them_notices(void **state)
{
    ran_t ran;

    assert_int_equal(run_with(&ran, "crowd", *state), 2);
    assert_int_equal(count_words(ran.output, "1 call, loaded"), CROWD);
    assert_string_equal(ran.errors, "");
}

static void when_it_dies_each_time_all_who_wait_are_told(void **state)
{
    ran_t ran;

    run_with(&ran, "lost-crowd", *state);
    assert_int_equal(count_words(ran.output, "3 times"), CROWD);
    assert_int_equal(count_words(ran.output, "ended by signal 9"), CROWD);
    assert_string_equal(ran.errors, "");
}

/* The server is as well as before, and others have it. */
static void a_copy_that_dies_at_its_birth_is_told_of_and_the_server_goes_on(void **state)
{
    ran_t ran;

    assert_int_equal(run_with(&ran, "copy-dies", *state), 2);
    assert_string_equal(ran.output, "code 1, the same server");
    assert_string_equal(ran.errors, "");
}

/* With a pipe from which load_slowly() reads. */
static const char *output_with_pipe(const char *role, apr_pool_t *mem)
{
    const char *const arguments[] = {own_path, role, NULL};
    char folder[] = "/tmp/mproc-test-XXXXXX";
    const char *path;
    ran_t ran;

    assert_non_null(mkdtemp(folder));
    path = apr_pstrcat(mem, folder, "/notes", NULL);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_success(apr_env_set("MPROC_TEST_NOTES", path, mem));
    run_program(&ran, arguments, mem);
    assert_success(apr_env_delete("MPROC_TEST_NOTES", mem));
    unlink(path);
    rmdir(folder);
    assert_int_equal(ran.exitcode, 0);
    return ran.output;
}

/* Else this would hang: what it waits for is written when the call is back. */
static void a_server_that_is_started_ahead_is_not_waited_for(void **state)
{
    assert_string_equal(output_with_pipe("early", *state),
                        "early, 0 call, slowly, by the server: no\n");
}

/* Else these would wait for a minute, and fail: what a start waits for is written meanwhile. */
static void handlers_of_signals_run_while_a_start_waits_for_it(void **state)
{
    assert_string_equal(output_with_pipe("called", *state), "0 call, slowly, by the server: no\n");
}

static void other_threads_fork_while_a_start_waits_for_it(void **state)
{
    assert_string_equal(output_with_pipe("forking", *state), "0 call, slowly, by the server: no\n");
}

static void it_may_start_processes_of_its_own(void **state)
{
    ran_t ran;

    run_with(&ran, "start_a_child", *state);
    assert_string_equal(ran.output, "1 call, loaded, by the server: yes\n"
                                    "1 call, loaded, by the server: yes\n");
    assert_string_equal(ran.errors, "");
}

static void threads_that_it_leaves_are_warned_of_in_the_log(void **state)
{
    ran_t ran;

    assert_success(apr_env_set("MPROC_LOG", "warning", *state));
    run_with(&ran, "leave_a_thread", *state);
    assert_success(apr_env_delete("MPROC_LOG", *state));
    if (THREADS_ARE_COUNTED)
        assert_words(ran.errors, "[WARNING/ForkServer] the fork server has 2 threads");
}

/* -- Refusals --------------------------------------------------------------------------------- */

static void above_the_guard_none_can_be_set(void **state)
{
    (void)state;
    assert_status(rv_above, MPROC_EBOOTSTRAP);
}

static void one_that_is_in_no_table_is_refused(void **state)
{
    (void)state;
    assert_refused(mproc_set_forkserver_preload(in_no_table), MPROC_ETARGET, "table of targets");
    assert_success(mproc_set_forkserver_preload(load));
    assert_success(mproc_set_forkserver_preload(NULL));
}

/* What a fork(2) of this process says: the statuses as its exit code. */
static void a_fork_sets_none_and_starts_no_server(void **state)
{
    int how;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit((mproc_set_forkserver_preload(load) == MPROC_EFOREIGN) +
              2 * (mproc_forkserver_ensure_running() == MPROC_EFOREIGN));
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 3);
}

static void once_there_is_a_server_it_is_too_late(void **state)
{
    (void)state;
    assert_success(mproc_forkserver_ensure_running());
    assert_refused(mproc_set_forkserver_preload(load), MPROC_ECONTEXT, "runs already");
    assert_refused(mproc_set_forkserver_preload(NULL), MPROC_ECONTEXT, "runs already");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(above_the_guard_none_can_be_set),
        claim(one_that_is_in_no_table_is_refused),
        claim(a_fork_sets_none_and_starts_no_server),
        claim(it_runs_once_and_every_child_has_what_it_made),
        claim(what_was_written_before_the_start_comes_before_what_it_writes),
        claim(without_one_there_is_nothing),
        claim(when_it_fails_each_start_does_with_its_status_and_words),
        claim(when_it_calls_exit_each_start_fails_with_the_code),
        claim(when_the_executable_is_no_such_program_the_words_ask_for_the_guard),
        claim(when_it_ends_the_server_each_start_tries_three_times),
        claim(when_it_dies_once_nobody_notices),
        claim(when_it_dies_once_while_many_wait_none_of_them_notices),
        claim(when_it_dies_each_time_all_who_wait_are_told),
        claim(a_copy_that_dies_at_its_birth_is_told_of_and_the_server_goes_on),
        claim(a_server_that_is_started_ahead_is_not_waited_for),
        claim(handlers_of_signals_run_while_a_start_waits_for_it),
        claim(other_threads_fork_while_a_start_waits_for_it),
        claim(it_may_start_processes_of_its_own),
        claim(threads_that_it_leaves_are_warned_of_in_the_log),
        claim_leaving_nothing(once_there_is_a_server_it_is_too_late),
    };
    apr_pool_t *mem;

    rv_above = mproc_set_forkserver_preload(load);
    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    if (argc > 1)
        return be_some_program(argv[1], mem);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
