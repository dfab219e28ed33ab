/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a child of the fork server has: a server that it shares with its relatives, exactly the
 * descriptors that it was given, and its parent's environment, folder and streams as they are when
 * it is started.
 */

#include "claims.h"
#include "servers_posix.h"
#include "system.h"
#include "workers.h"

#include <apr_strings.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Above it nobody here has any descriptor. */
#define HIGHEST 1024

#define SIBLINGS 50

/* As many handles as arguments can hold: packs of connections. */
#define PACKS 16
#define IN_A_PACK 16

/* -- What the children do ------------------------------------------------------ */

static int is_null_device(const struct stat *about)
{
    struct stat null_device;

    return stat("/dev/null", &null_device) == 0 && S_ISCHR(about->st_mode) &&
           about->st_rdev == null_device.st_rdev;
}

/* Of what kind they are; but for stdout and stderr, which may be anything. */
static apr_status_t tell_descriptors(mproc_task_t *task)
{
    int descriptor, nulls = 0, sockets = 0, pipes = 0, others = 0;
    mproc_connection_t *line;
    struct stat about;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    for (descriptor = 0; descriptor < HIGHEST; descriptor++) {
        if (descriptor == STDOUT_FILENO || descriptor == STDERR_FILENO ||
            fstat(descriptor, &about) != 0)
            continue;
        if (is_null_device(&about))
            nulls++;
        else if (S_ISSOCK(about.st_mode))
            sockets++;
        else if (S_ISFIFO(about.st_mode))
            pipes++;
        else
            others++;
    }
    return say(line, apr_psprintf(mproc_task_mem(task), "%d, %d sockets, %d pipes, %d", nulls,
                                  sockets, pipes, others));
}

/* Says how many of its descriptors a program that it runs would get. */
static apr_status_t tell_inherited(mproc_task_t *task)
{
    mproc_connection_t *line;
    int descriptor, count = 0;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    for (descriptor = STDERR_FILENO + 1; descriptor < HIGHEST; descriptor++) {
        int flags = fcntl(descriptor, F_GETFD);

        count += flags != -1 && (flags & FD_CLOEXEC) == 0;
    }
    return mproc_connection_send(line, MPROC_PACK(count), PATIENCE);
}

/* Says in each of the connections in the packs which one it is. */
static apr_status_t number_all(mproc_task_t *task)
{
    mproc_values_t *packs[PACKS];
    mproc_slot_t slots[IN_A_PACK];
    mproc_connection_t *lines[IN_A_PACK];
    int i, j, number = 0;

    for (i = 0; i < PACKS; i++)
        slots[i] = (mproc_slot_t){MPROC_TYPE_PACK, sizeof(void *), &packs[i]};
    MPROC_TRY(mproc_unpack(mproc_task_args(task), slots, PACKS));
    for (i = 0; i < PACKS; i++) {
        for (j = 0; j < IN_A_PACK; j++)
            slots[j] = (mproc_slot_t){MPROC_TYPE_CONNECTION, sizeof(void *), &lines[j]};
        MPROC_TRY(mproc_unpack(packs[i], slots, IN_A_PACK));
        for (j = 0; j < IN_A_PACK; j++, number++)
            MPROC_TRY(mproc_connection_send(lines[j], MPROC_PACK(number), PATIENCE));
    }
    return APR_SUCCESS;
}

static apr_status_t read_stdin(mproc_task_t *task)
{
    char byte;

    (void)task;
    return getchar() == EOF && read(STDIN_FILENO, &byte, 1) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t print_and_complain(mproc_task_t *task)
{
    (void)task;
    printf("printed");
    fprintf(stderr, "complained");
    return APR_SUCCESS;
}

static apr_status_t print(mproc_task_t *task)
{
    (void)task;
    return printf("printed") == 7 ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t tell_variable(mproc_task_t *task)
{
    mproc_connection_t *line;
    const char *name, *value;

    MPROC_TRY(MPROC_UNPACK(task, &line, &name));
    value = getenv(name);
    return say(line, value != NULL ? value : "(none)");
}

static apr_status_t tell_folder(mproc_task_t *task)
{
    mproc_connection_t *line;
    char folder[4096];

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return say(line, getcwd(folder, sizeof folder) != NULL ? folder : "(none)");
}

static apr_status_t be_in_folder(mproc_task_t *task)
{
    apr_int64_t number;
    struct stat here;

    MPROC_TRY(MPROC_UNPACK(task, &number));
    return stat(".", &here) == 0 && (apr_int64_t)here.st_ino == number ? APR_SUCCESS : MPROC_ETORN;
}

/* Says which server it and, by the method that it is given, its child have. */
static apr_status_t tell_servers(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_process_options_t options;
    mproc_process_t *process;
    const char *method;

    MPROC_TRY(MPROC_UNPACK(task, &line, &method));
    MPROC_TRY(say_server(line));
    if (method[0] == '\0')
        return APR_SUCCESS;
    options = by(method);
    MPROC_TRY(mproc_process_start(&process, tell_servers, MPROC_PACK(line, ""), &options,
                                  mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

static apr_status_t die_by(mproc_task_t *task)
{
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &number));
    signal(number, SIG_DFL);
    raise(number);
    return APR_EGENERAL;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(tell_descriptors),
    MPROC_TARGET(tell_inherited),
    MPROC_TARGET(number_all),
    MPROC_TARGET(read_stdin),
    MPROC_TARGET(tell_variable),
    MPROC_TARGET(tell_folder),
    MPROC_TARGET(be_in_folder),
    MPROC_TARGET(tell_servers),
    MPROC_TARGET(print_and_complain),
    MPROC_TARGET(die_by),
    MPROC_TARGET(print),
    MPROC_TARGETS_OF(server_targets),
    MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- Helpers -------------------------------------------------------------------- */

/* What a target says at the end of a connection that is its first argument, beside `more` or NULL. */
static const char *said_by(mproc_target_fn *target, const char *more,
                           const mproc_process_options_t *options, apr_pool_t *mem)
{
    mproc_process_options_t by_default = by(MPROC_FORKSERVER);
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    const mproc_pack_t *args;
    const char *word;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    args = more != NULL ? mproc_pack(mem, there, more) : mproc_pack(mem, there);
    assert_success(status_of(&process, target, args, options != NULL ? options : &by_default, mem));
    word = hear(here, mem);
    assert_success(mproc_process_close(process));
    assert_success(mproc_connection_close(here));
    assert_success(mproc_connection_close(there));
    return word;
}

static pid_t hear_server(mproc_connection_t *line, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    apr_int64_t server;

    assert_success(mproc_connection_recv(line, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &server));
    return (pid_t)server;
}

/* The servers, or whatever is in their place, of a child and of its child. */
static void get_servers(pid_t servers[2], const char *method, const char *method_of_child,
                        apr_pool_t *mem)
{
    mproc_process_options_t options = by(method);
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    assert_success(
        status_of(&process, tell_servers, MPROC_PACK(there, method_of_child), &options, mem));
    servers[0] = hear_server(here, mem);
    servers[1] = hear_server(here, mem);
}

/* -- Which server ----------------------------------------------------------------- */

static void all_children_are_of_one_server_which_is_not_their_parent(void **state)
{
    mproc_process_t **children;
    served_t one, two;
    size_t count;

    start_served(&one, NULL, *state);
    start_served(&two, NULL, *state);
    assert_success(mproc_active_children(&children, &count, *state));
    assert_int_equal(count, 2); /* without the server */
    assert_int_not_equal(one.server, getpid());
    assert_int_equal(one.server, two.server);
    assert_answers(&one, *state);
    let_leave(&one);
    let_leave(&two);
    assert_int_equal(server_now(*state), one.server);
}

static void children_and_forks_share_the_server_and_spawned_ones_have_their_own(void **state)
{
    pid_t server = server_now(*state), found[2];

    get_servers(found, MPROC_FORKSERVER, MPROC_FORKSERVER, *state);
    assert_int_equal(found[0], server);
    assert_int_equal(found[1], server);
    get_servers(found, MPROC_FORK, MPROC_FORKSERVER, *state);
    assert_int_equal(found[0], getpid());
    assert_int_equal(found[1], server);
    get_servers(found, MPROC_SPAWN, MPROC_FORKSERVER, *state);
    assert_int_equal(found[0], getpid());
    assert_int_not_equal(found[1], server);
}

static void an_interrupt_is_not_the_servers_business(void **state)
{
    pid_t server = server_now(*state);

    assert_int_equal(kill(server, SIGINT), 0);
    assert_int_equal(server_now(*state), server);
}

/* Whoever it is, and however many there are at a time. */
static void how_a_child_ended_is_told(void **state)
{
    static const int signals[] = {SIGTERM, SIGKILL, SIGHUP, SIGUSR1, SIGINT};
    enum { COUNT = sizeof signals / sizeof signals[0] };
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *processes[COUNT];
    int i;

    for (i = 0; i < COUNT; i++)
        assert_success(
            mproc_process_start(&processes[i], die_by, MPROC_PACK(signals[i]), &options, *state));
    for (i = 0; i < COUNT; i++) {
        assert_ended(processes[i], -signals[i]);
        assert_status(mproc_process_status(processes[i]), MPROC_EDIED);
    }
}

/* -- Handles ------------------------------------------------------------------------ */

/* More than go at once, as the library adds some of its own. */
static void as_many_connections_arrive_as_arguments_can_hold(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_value_t outer[PACKS], inner[PACKS * IN_A_PACK];
    mproc_connection_t *here[PACKS * IN_A_PACK], *there[PACKS * IN_A_PACK];
    mproc_pack_t packs[PACKS], args = {PACKS, outer};
    mproc_values_t *values = mproc_values_create(*state);
    mproc_process_t *process;
    int i, number;

    for (i = 0; i < PACKS * IN_A_PACK; i++) {
        assert_success(mproc_pipe(&here[i], &there[i], MPROC_DUPLEX, *state));
        inner[i] = (mproc_value_t){.type = MPROC_TYPE_CONNECTION, .as = {.object = there[i]}};
    }
    for (i = 0; i < PACKS; i++) {
        packs[i] = (mproc_pack_t){IN_A_PACK, inner + i * IN_A_PACK};
        outer[i] = (mproc_value_t){.type = MPROC_TYPE_PACK, .as = {.pack = &packs[i]}};
    }
    assert_success(status_of(&process, number_all, &args, &options, *state));
    for (i = 0; i < PACKS * IN_A_PACK; i++) {
        assert_success(mproc_connection_recv(here[i], values, 0));
        assert_success(MPROC_UNPACK(values, &number));
        assert_int_equal(number, i);
        assert_success(mproc_connection_close(there[i]));
        assert_string_equal(hear(here[i], *state), "(end)");
    }
}

/*
 * The null device; its line, which is its lifeline, its control channel, the way to the server, and the
 * connection; the server's lifeline.
 */
static void a_child_has_what_it_was_given_and_no_more(void **state)
{
    int carelessly_open = open("/dev/null", O_RDWR);
    const char *kinds = said_by(tell_descriptors, NULL, NULL, *state);

    close(carelessly_open);
    assert_string_equal(kinds, "1, 4 sockets, 1 pipes, 0");
}

static void what_a_child_has_does_not_grow_with_its_siblings(void **state)
{
    const char *alone = said_by(tell_descriptors, NULL, NULL, *state);
    served_t siblings[SIBLINGS];
    int i;

    for (i = 0; i < SIBLINGS; i++)
        start_served(&siblings[i], NULL, *state);
    assert_string_equal(said_by(tell_descriptors, NULL, NULL, *state), alone);
    for (i = 0; i < SIBLINGS; i++)
        let_leave(&siblings[i]);
}

static void what_a_child_has_is_for_no_other_program(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_values_t *values = mproc_values_create(*state);
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    int count;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(status_of(&process, tell_inherited, MPROC_PACK(there), &options, *state));
    assert_success(mproc_connection_recv(here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &count));
    assert_int_equal(count, 0);
}

/* -- Streams ------------------------------------------------------------------------- */

/* Put an open file in a stream's place: a copy of what was there. */
static int replace(int stream, int descriptor)
{
    int kept = dup(stream);

    assert_true(kept >= 0);
    assert_int_equal(dup2(descriptor, stream), stream);
    close(descriptor);
    return kept;
}

static void put_back(int stream, int kept)
{
    assert_int_equal(dup2(kept, stream), stream);
    close(kept);
}

static int open_scratch(void)
{
    char path[] = "/tmp/mproc-test-XXXXXX";
    int descriptor = mkstemp(path);

    assert_true(descriptor >= 0);
    unlink(path);
    return descriptor;
}

static const char *text_in(int descriptor, apr_pool_t *mem)
{
    char text[256];
    ssize_t size = pread(descriptor, text, sizeof text, 0);

    assert_true(size >= 0);
    return apr_pstrmemdup(mem, text, (apr_size_t)size);
}

static void stdin_is_empty(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    int input = open_scratch(), kept;
    mproc_process_t *process;
    apr_status_t rv;

    assert_int_equal(write(input, "something", 9), 9);
    assert_int_equal(lseek(input, 0, SEEK_SET), 0);
    kept = replace(STDIN_FILENO, input);
    rv = status_of(&process, read_stdin, MPROC_NO_ARGS, &options, *state);
    put_back(STDIN_FILENO, kept);
    assert_success(rv);
}

/* The server has had its own for long. */
static void what_a_child_prints_goes_where_its_parents_streams_go_now(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    int output = open_scratch(), errors = open_scratch(), kept_output, kept_errors;
    mproc_process_t *process;
    apr_status_t rv;

    server_now(*state);
    fflush(stdout);
    kept_output = replace(STDOUT_FILENO, dup(output));
    kept_errors = replace(STDERR_FILENO, dup(errors));
    rv = mproc_process_start(&process, print_and_complain, MPROC_NO_ARGS, &options, *state);
    put_back(STDOUT_FILENO, kept_output);
    put_back(STDERR_FILENO, kept_errors);
    assert_success(rv);
    assert_ended(process, 0);
    assert_string_equal(text_in(output, *state), "printed");
    assert_string_equal(text_in(errors, *state), "complained");
    close(output);
    close(errors);
}

/* What the parent has in its buffer goes out before, and once. */
static void text_that_waits_in_a_buffer_is_printed_once(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    int output = open_scratch(), kept;
    mproc_process_t *process;
    apr_status_t rv;

    server_now(*state);
    fflush(stdout);
    kept = replace(STDOUT_FILENO, dup(output));
    printf("first, ");
    rv = mproc_process_start(&process, print, MPROC_NO_ARGS, &options, *state);
    put_back(STDOUT_FILENO, kept);
    assert_success(rv);
    assert_ended(process, 0);
    assert_string_equal(text_in(output, *state), "first, printed");
    close(output);
}

/* -- Surroundings --------------------------------------------------------------------- */

static void the_environment_is_that_of_the_parent_now(void **state)
{
    static const char *const changes[] = {"MPROC_TEST_OWN=of the option", "MPROC_TEST_OLD", NULL};
    mproc_process_options_t options = by(MPROC_FORKSERVER);

    server_now(*state);
    setenv("MPROC_TEST_OLD", "and new", 1);
    assert_string_equal(said_by(tell_variable, "MPROC_TEST_OLD", NULL, *state), "and new");
    options.environment = changes;
    assert_string_equal(said_by(tell_variable, "MPROC_TEST_OWN", &options, *state),
                        "of the option");
    assert_string_equal(said_by(tell_variable, "MPROC_TEST_OLD", &options, *state), "(none)");
    unsetenv("MPROC_TEST_OLD");
    assert_string_equal(said_by(tell_variable, "MPROC_TEST_OLD", NULL, *state), "(none)");
    assert_string_equal(said_by(tell_variable, "MPROC_TEST_OWN", NULL, *state), "(none)");
}

static void a_large_environment_arrives_whole(void **state)
{
    enum { SIZE = 100000 };
    char *text = apr_palloc(*state, SIZE + 1);
    int i;

    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    for (i = 0; i < 20; i++)
        setenv(apr_psprintf(*state, "MPROC_TEST_LARGE_%d", i), text, 1);
    setenv("MPROC_TEST_LAST", "is here", 1);
    assert_string_equal(said_by(tell_variable, "MPROC_TEST_LAST", NULL, *state), "is here");
    unsetenv("MPROC_TEST_LAST");
    for (i = 0; i < 20; i++)
        unsetenv(apr_psprintf(*state, "MPROC_TEST_LARGE_%d", i));
}

static void the_folder_is_that_of_the_parent_now(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    char before[4096], here[4096];

    server_now(*state);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir("/usr"), 0);
    assert_non_null(getcwd(here, sizeof here));
    assert_string_equal(said_by(tell_folder, NULL, NULL, *state), here);
    options.working_directory = "..";
    assert_string_equal(said_by(tell_folder, NULL, &options, *state), "/");
    options.working_directory = "/usr/bin/..";
    assert_string_equal(said_by(tell_folder, NULL, &options, *state), here);
    options.working_directory = "no-such-folder";
    assert_refused(
        mproc_process_start(&(mproc_process_t *){NULL}, succeed, MPROC_NO_ARGS, &options, *state),
        APR_ENOENT, "no-such-folder");
    assert_int_equal(chdir(before), 0);
}

/* It has no name that anybody could be told. */
static void the_folder_may_have_been_removed(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    char before[4096], folder[] = "/tmp/mproc-test-XXXXXX";
    mproc_process_t *process;
    apr_status_t rv;
    struct stat here;

    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(stat(".", &here), 0);
    rv = status_of(&process, be_in_folder, MPROC_PACK((apr_int64_t)here.st_ino), &options, *state);
    assert_int_equal(chdir(before), 0);
    assert_success(rv);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(all_children_are_of_one_server_which_is_not_their_parent),
        claim_leaving_nothing(children_and_forks_share_the_server_and_spawned_ones_have_their_own),
        claim_leaving_nothing(an_interrupt_is_not_the_servers_business),
        claim_leaving_nothing(how_a_child_ended_is_told),
        claim_leaving_nothing(as_many_connections_arrive_as_arguments_can_hold),
        claim_leaving_nothing(a_child_has_what_it_was_given_and_no_more),
        claim_leaving_nothing(what_a_child_has_does_not_grow_with_its_siblings),
        claim_leaving_nothing(what_a_child_has_is_for_no_other_program),
        claim_leaving_nothing(stdin_is_empty),
        claim_leaving_nothing(what_a_child_prints_goes_where_its_parents_streams_go_now),
        claim_leaving_nothing(text_that_waits_in_a_buffer_is_printed_once),
        claim_leaving_nothing(the_environment_is_that_of_the_parent_now),
        claim_leaving_nothing(a_large_environment_arrives_whole),
        claim_leaving_nothing(the_folder_is_that_of_the_parent_now),
        claim_leaving_nothing(the_folder_may_have_been_removed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
