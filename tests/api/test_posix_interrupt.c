/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ctrl-C: the terminal sends SIGINT to a group of processes.  Each test runs this
 * program again in a group of its own, and interrupts that.
 */

#include "claims.h"
#include "workers.h"

#include <apr_strings.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *own_path;

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Programs that are interrupted ------------------------------------------------------ */

static apr_status_t start_one(mproc_process_t **process, mproc_connection_t **line, int ignores, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_connection_t *there;
    char word[8];
    size_t size;

    options.ignore_interrupt = ignores;
    MPROC_TRY(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    MPROC_TRY(mproc_process_start(process, answer, MPROC_PACK(there), &options, mem));
    MPROC_TRY(mproc_connection_close(there));
    return mproc_connection_recv_bytes(*line, word, sizeof word, &size, PATIENCE);
}

static void print(const char *word)
{
    printf("%s\n", word);
    fflush(stdout);
}

/* Two children, one of which computes, and a parent that waits. */
static int be_a_family(apr_pool_t *mem)
{
    mproc_connection_t *line, *here, *there;
    mproc_process_t *one, *two;

    MPROC_CHECK(start_one(&one, &line, 0, mem));
    MPROC_CHECK(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    MPROC_CHECK(mproc_process_start(&two, compute, MPROC_PACK(there), NULL, mem));
    MPROC_CHECK(mproc_connection_poll(here, PATIENCE));
    print("ready");
    MPROC_CHECK(mproc_process_join(one, MPROC_FOREVER));
    return 0;
}

/* A parent that is deaf itself, and tells which of its children are too. */
static int be_deaf(apr_pool_t *mem)
{
    mproc_connection_t *line, *deaf_line;
    mproc_process_t *one, *deaf;
    apr_int64_t code;
    char word[8];
    size_t size;

    MPROC_CHECK(start_one(&one, &line, 0, mem));
    MPROC_CHECK(start_one(&deaf, &deaf_line, 1, mem));
    signal(SIGINT, SIG_IGN);
    print("ready");
    MPROC_CHECK(mproc_process_join(one, PATIENCE));
    MPROC_CHECK(mproc_process_exitcode(one, &code));
    printf("one ended with %d\n", (int)code);
    MPROC_CHECK(say(deaf_line, "there?"));
    MPROC_CHECK(mproc_connection_recv_bytes(deaf_line, word, sizeof word, &size, PATIENCE));
    printf("the deaf one answered\n");
    MPROC_CHECK(say(deaf_line, "leave"));
    MPROC_CHECK(mproc_process_join(deaf, PATIENCE));
    return 0;
}

/* A child that ignores Ctrl-C, and a parent that does not. */
static int leave_to_the_parent(apr_pool_t *mem)
{
    mproc_connection_t *line;
    mproc_process_t *deaf;

    MPROC_CHECK(start_one(&deaf, &line, 1, mem));
    print("ready");
    MPROC_CHECK(mproc_process_join(deaf, MPROC_FOREVER));
    return 0;
}

/* -- Interrupting them ---------------------------------------------------------------------- */

typedef struct interrupted_t {
    pid_t pid;
    int output, errors;
} interrupted_t;

static void run_in_its_own_group(interrupted_t *program, const char *role)
{
    int output[2], errors[2];

    assert_int_equal(pipe2(output, O_CLOEXEC) + pipe2(errors, O_CLOEXEC), 0);
    program->pid = fork();
    if (program->pid == 0) {
        setpgid(0, 0);
        dup2(output[1], STDOUT_FILENO);
        dup2(errors[1], STDERR_FILENO);
        execl(own_path, own_path, role, (char *)NULL);
        _exit(127);
    }
    setpgid(program->pid, program->pid);
    close(output[1]);
    close(errors[1]);
    program->output = output[0];
    program->errors = errors[0];
}

/* To the end, which is that of all who hold it, or to a line's; "(late)" when that does not come. */
static const char *read_text(int descriptor, int is_line, apr_pool_t *mem)
{
    struct pollfd waiting = {.fd = descriptor, .events = POLLIN};
    char text[4096];
    size_t length = 0;

    while (length < sizeof text) {
        if (poll(&waiting, 1, 30000) != 1)
            return "(late)";
        if (read(descriptor, text + length, 1) != 1 || (text[length++] == '\n' && is_line))
            break;
    }
    return apr_pstrmemdup(mem, text, length);
}

/* Interrupt a program when it is ready; *rest is what it prints afterwards. */
static int how_it_ends(const char *role, const char **rest, apr_pool_t *mem)
{
    interrupted_t program;
    int how;

    run_in_its_own_group(&program, role);
    assert_string_equal(read_text(program.output, 1, mem), "ready\n");
    assert_int_equal(kill(-program.pid, SIGINT), 0);
    *rest = read_text(program.output, 0, mem);
    assert_string_equal(read_text(program.errors, 0, mem), "");
    assert_int_equal(waitpid(program.pid, &how, 0), program.pid);
    close(program.output);
    close(program.errors);
    return how;
}

static void parent_and_children_end_quietly(void **state)
{
    const char *rest;
    int how = how_it_ends("family", &rest, *state);

    assert_string_equal(rest, "");
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGINT);
}

static void one_that_ignores_it_goes_on(void **state)
{
    const char *rest;
    int how = how_it_ends("deaf", &rest, *state);

    assert_string_equal(rest, "one ended with -2\nthe deaf one answered\n");
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

/* All that held stdout are gone when it has been read to its end. */
static void one_that_ignores_it_ends_with_its_parent(void **state)
{
    const char *rest;
    int how = how_it_ends("leave-to-the-parent", &rest, *state);

    assert_string_equal(rest, "");
    assert_true(WIFSIGNALED(how));
}

static void one_that_ignores_it_does_so_from_its_start(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;
    int i;

    options.ignore_interrupt = 1;
    for (i = 0; i < 30; i++) {
        assert_success(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, *state));
        kill((pid_t)mproc_process_pid(process), SIGINT);
        assert_ended(process, 0);
    }
}

static int play(const char *role, apr_pool_t *mem)
{
    if (strcmp(role, "family") == 0)
        return be_a_family(mem);
    return strcmp(role, "deaf") == 0 ? be_deaf(mem) : leave_to_the_parent(mem);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(parent_and_children_end_quietly),
        claim_leaving_nothing(one_that_ignores_it_goes_on),
        claim_leaving_nothing(one_that_ignores_it_ends_with_its_parent),
        claim_leaving_nothing(one_that_ignores_it_does_so_from_its_start),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    if (argc > 1)
        return play(argv[1], mem);
    own_path = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
