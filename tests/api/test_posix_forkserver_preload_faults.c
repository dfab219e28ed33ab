/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a preload function may do without harm to those who start by its server: it starts processes,
 * leaves forks, returns what looks like the server's own end, or takes long when it was thought to be
 * over.  Each test runs this program again, with a server of its own.
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

/* So many servers one program makes at most, should each make another. */
#define SERVERS_MAX 8

/* Nothing that is left lives longer, whatever befalls the test. */
#define LEFT_SECONDS 120

static const char *own_path;

/* What the preload function makes, for children to find. */
static int calls;
static pid_t loader;

/* -- Preload functions ---------------------------------------------------------------- */

static void note(const char *word)
{
    int file = open(getenv("MPROC_TEST_NOTES"), O_WRONLY | O_APPEND);
    size_t size = strlen(word);

    if (file < 0 || write(file, word, size) != (ssize_t)size)
        _exit(99);
    close(file);
}

static apr_status_t load(void)
{
    calls++;
    loader = getpid();
    return APR_SUCCESS;
}

static apr_status_t start_by_forkserver(mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;
    struct stat about;

    note("x");
    if (stat(getenv("MPROC_TEST_NOTES"), &about) != 0 || about.st_size > SERVERS_MAX)
        return APR_EGENERAL;
    MPROC_TRY(
        mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    MPROC_TRY(mproc_process_status(process));
    return load();
}

static void note_number(pid_t pid)
{
    char word[40];

    snprintf(word, sizeof word, "%ld\n", (long)pid);
    note(word);
}

static apr_status_t be_left(mproc_task_t *task)
{
    (void)task;
    alarm(LEFT_SECONDS);
    while (pause() != 0)
        ;
    return APR_SUCCESS;
}

static apr_status_t leave_a_fork(mproc_task_t *task)
{
    pid_t pid = fork();

    if (pid == 0)
        be_left(task);
    if (pid < 0)
        return APR_EGENERAL;
    note_number(pid);
    return load();
}

static apr_status_t leave_a_detached_child(mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_FORK);
    mproc_process_t *process;

    options.detached = 1;
    MPROC_TRY(
        mproc_process_start(&process, be_left, MPROC_NO_ARGS, &options, mproc_task_mem(task)));
    note_number((pid_t)mproc_process_pid(process));
    return load();
}

static apr_status_t find_an_end(mproc_task_t *task)
{
    (void)task;
    note("x");
    return mproc_error_set(APR_EOF, "the table has no end");
}

static apr_status_t run_out_of_time(mproc_task_t *task)
{
    (void)task;
    note("x");
    return mproc_error_set(APR_TIMEUP, "the table is too far away");
}

/* The server, as it makes a copy. */
static void die_at_the_second_copy(void)
{
    static int copies;

    if (getpid() == loader && ++copies == 2)
        raise(SIGKILL);
}

/* Waits until somebody lets it go on. */
static apr_status_t load_slowly(mproc_task_t *task)
{
    char word;
    int file = open(getenv("MPROC_TEST_NOTES"), O_RDONLY);

    (void)task;
    if (file < 0 || read(file, &word, 1) != 1)
        return APR_EGENERAL;
    close(file);
    load();
    return pthread_atfork(die_at_the_second_copy, NULL, NULL);
}

/* -- Children --------------------------------------------------------------------------- */

static apr_status_t print_service(mproc_task_t *task)
{
    (void)task;
    printf("%d call, by the server: %s\n", calls, loader == getppid() ? "yes" : "no");
    return APR_SUCCESS;
}

/* A start; and how it went, if it did not. */
static int start_and_print(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;
    char words[120];
    apr_status_t rv = mproc_process_start(&process, print_service, MPROC_NO_ARGS, &options, mem);

    if (rv != APR_SUCCESS) {
        printf("%s: %s\n", mproc_strerror(rv, words, sizeof words), mproc_error_message());
        return 0;
    }
    MPROC_CHECK(mproc_process_join(process, PATIENCE));
    MPROC_CHECK(mproc_process_status(process));
    return 0;
}

static apr_status_t start_another(mproc_task_t *task)
{
    return start_and_print(mproc_task_mem(task)) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(start_by_forkserver), MPROC_TARGET(be_left),
    MPROC_TARGET(leave_a_fork),        MPROC_TARGET(leave_a_detached_child),
    MPROC_TARGET(find_an_end),         MPROC_TARGET(run_out_of_time),
    MPROC_TARGET(load_slowly),         MPROC_TARGET(print_service),
    MPROC_TARGET(start_another),       MPROC_TARGETS_OF(server_targets),
    MPROC_TARGETS_OF(worker_targets),  MPROC_TARGETS_END,
};

/* -- Programs --------------------------------------------------------------------------- */

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

/* A child that shares the server, and one that makes its own, start others. */
static int be_program_with_grandchildren(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;

    MPROC_CHECK(mproc_set_forkserver_preload(start_by_forkserver));
    for (options.detached = 0; options.detached < 2; options.detached++) {
        MPROC_CHECK(mproc_process_start(&process, start_another, MPROC_NO_ARGS, &options, mem));
        MPROC_CHECK(mproc_process_join(process, PATIENCE));
        MPROC_CHECK(mproc_process_status(process));
    }
    return 0;
}

static int end_what_is_left(void)
{
    FILE *numbers = fopen(getenv("MPROC_TEST_NOTES"), "r");
    long number;

    if (numbers == NULL)
        return 1;
    while (fscanf(numbers, "%ld", &number) == 1)
        kill((pid_t)number, SIGKILL);
    fclose(numbers);
    return 0;
}

static int be_program_whose_server_is_killed(const char *preload, apr_pool_t *mem)
{
    int code;

    MPROC_CHECK(mproc_set_forkserver_preload(preload_of(preload)));
    kill_server(server_now(mem));
    code = start_and_print(mem);
    return code + end_what_is_left();
}

static apr_status_t start_beside_others(void *data)
{
    return start_and_print(data) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* By both ways that this process can be copied. */
static apr_status_t fork_twice(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORK);
    mproc_process_t *process;
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        return APR_EGENERAL;
    MPROC_TRY(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, mem));
    return mproc_process_join(process, PATIENCE);
}

/* Opening waits until the preload function has opened it, too. */
static int open_when_loading(void)
{
    return open(getenv("MPROC_TEST_NOTES"), O_WRONLY);
}

static int let_load(int file)
{
    return write(file, "x", 1) == 1 && close(file) == 0 ? 0 : 1;
}

/* Its server dies when it is asked for the second child; while the next one loads, it forks. */
static int be_program_that_forks(apr_pool_t *mem)
{
    apr_pool_t *own;
    work_t work;
    int file;

    MPROC_CHECK(apr_pool_create(&own, mem));
    MPROC_CHECK(mproc_set_forkserver_preload(load_slowly));
    MPROC_CHECK(mproc_forkserver_ensure_running());
    if (let_load(open_when_loading()) != 0 || start_and_print(mem) != 0)
        return 1;
    MPROC_CHECK(start_thread(&work, start_beside_others, own, mem));
    file = open_when_loading();
    MPROC_CHECK(fork_twice(mem));
    if (let_load(file) != 0)
        return 1;
    MPROC_CHECK(end_thread(&work));
    return 0;
}

static int be_some_program(const char *role, const char *preload, apr_pool_t *mem)
{
    int code;

    if (strcmp(role, "killed") == 0)
        code = be_program_whose_server_is_killed(preload, mem);
    else if (strcmp(role, "grandchildren") == 0)
        code = be_program_with_grandchildren(mem);
    else if (strcmp(role, "forking") == 0)
        code = be_program_that_forks(mem);
    else
        code = be_program(preload, mem);
    apr_pool_destroy(mem);
    return code;
}

/* -- Running them -------------------------------------------------------------------------- */

/* With a file for notes, or a pipe for load_slowly(); how much is in the file. */
static size_t run_with(ran_t *ran, const char *role, const char *preload, mode_t kind,
                       apr_pool_t *mem)
{
    const char *const arguments[] = {own_path, role, preload, NULL};
    char folder[] = "/tmp/mproc-test-XXXXXX";
    const char *path;
    struct stat about;

    assert_non_null(mkdtemp(folder));
    path = apr_pstrcat(mem, folder, "/notes", NULL);
    if (kind == S_IFIFO)
        assert_int_equal(mkfifo(path, 0600), 0);
    else
        close(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    assert_success(apr_env_set("MPROC_TEST_NOTES", path, mem));
    run_program(ran, arguments, mem);
    assert_success(apr_env_delete("MPROC_TEST_NOTES", mem));
    assert_int_equal(stat(path, &about), 0);
    unlink(path);
    rmdir(folder);
    return (size_t)about.st_size;
}

static void assert_ran_well(const ran_t *ran, const char *output)
{
    assert_string_equal(ran->output, output);
    assert_string_equal(ran->errors, "");
    assert_int_equal(ran->exitcode, 0);
}

/* A server for that has no preload function, as this one is not over. */
static void one_that_starts_by_forkserver_runs_once(void **state)
{
    ran_t ran;

    assert_int_equal(run_with(&ran, "program", "start_by_forkserver", S_IFREG, *state), 1);
    assert_ran_well(&ran, "1 call, by the server: yes\n"
                          "1 call, by the server: yes\n");
}

/* The second one is detached, and makes a server of its own. */
static void the_server_that_it_has_started_is_nobody_elses(void **state)
{
    ran_t ran;

    assert_int_equal(run_with(&ran, "grandchildren", "", S_IFREG, *state), 2);
    assert_ran_well(&ran, "1 call, by the server: yes\n"
                          "1 call, by the server: yes\n");
}

/* Else it would be asked in vain for a minute, by each start anew. */
static void a_killed_server_is_gone_though_a_fork_of_it_lives(void **state)
{
    static const char *const leaving[] = {"leave_a_fork", "leave_a_detached_child"};
    size_t i;

    for (i = 0; i < sizeof leaving / sizeof leaving[0]; i++) {
        ran_t ran;

        run_with(&ran, "killed", leaving[i], S_IFREG, *state);
        assert_ran_well(&ran, "1 call, by the server: yes\n");
    }
}

static void each_status_that_it_returns_is_its_own(void **state)
{
    static const char *const preloads[] = {"find_an_end", "run_out_of_time"};
    static const apr_status_t statuses[] = {APR_EOF, APR_TIMEUP};
    static const char *const reasons[] = {"the table has no end", "the table is too far away"};
    char words[120];
    size_t i;

    for (i = 0; i < sizeof preloads / sizeof preloads[0]; i++) {
        const char *line;
        ran_t ran;

        assert_int_equal(run_with(&ran, "program", preloads[i], S_IFREG, *state), 2);
        line = apr_psprintf(*state, "%s: the fork server could not go on: %s\n",
                            mproc_strerror(statuses[i], words, sizeof words), reasons[i]);
        assert_ran_well(&ran, apr_pstrcat(*state, line, line, NULL));
    }
}

/* Else the forks would wait as long as the start does: for what is written after them. */
static void other_threads_fork_while_a_start_waits_for_the_next_server(void **state)
{
    ran_t ran;

    run_with(&ran, "forking", "", S_IFIFO, *state);
    assert_ran_well(&ran, "1 call, by the server: yes\n"
                          "1 call, by the server: yes\n");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(one_that_starts_by_forkserver_runs_once),
        claim(the_server_that_it_has_started_is_nobody_elses),
        claim(a_killed_server_is_gone_though_a_fork_of_it_lives),
        claim(each_status_that_it_returns_is_its_own),
        claim(other_threads_fork_while_a_start_waits_for_the_next_server),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    if (argc > 2)
        return be_some_program(argv[1], argv[2], mem);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
