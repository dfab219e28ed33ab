/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The children of the contract tests: what they do, and how they are started.
 */

#include "spawned.h"

#include <apr_file_io.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Handles that a child can be given: two channels' and a segment's. */
#define GIVEN_MAX (2 + PORT_SEGMENT_HANDLES_MAX)

static int main_argc;
static const char *const *main_argv;
static const command_t *own_commands;

static int say_token(life_t *life)
{
    say(life->control, life->birth.token);
    return 0;
}

static int say_parent(life_t *life)
{
    say(life->control, apr_off_t_toa(life->mem, port_process_pid(life->birth.parent)));
    return 0;
}

static int say_words(life_t *life)
{
    while (*++life->words != NULL)
        say(life->control, *life->words);
    say(life->control, ".");
    return 0;
}

static int say_variable(life_t *life)
{
    const char *value = NULL;

    port_environment_get(&value, life->words[1], life->mem);
    say(life->control, value != NULL ? value : "(none)");
    return 0;
}

static int say_merged(life_t *life)
{
    static const char *const no_changes[] = {NULL};
    const char *const *merged;
    size_t length = strlen(life->words[1]);

    say_variable(life);
    if (port_environment_merge(&merged, no_changes, life->mem) != APR_SUCCESS)
        return 1;
    for (; *merged != NULL; merged++)
        if (strncmp(*merged, life->words[1], length) == 0)
            say(life->control, *merged);
    say(life->control, ".");
    return 0;
}

static int say_folder(life_t *life)
{
    char *folder = NULL;

    apr_filepath_get(&folder, 0, life->mem);
    say(life->control, folder != NULL ? folder : "(none)");
    return 0;
}

static int say_input(life_t *life)
{
    say(life->control, getchar() == EOF && feof(stdin) ? "end" : "more");
    return 0;
}

static int say_through(life_t *life)
{
    say(life->given, "through");
    return 0;
}

/* And waits, as some systems need it until the handle is taken. */
static int pass_through(life_t *life)
{
    port_channel_t *here, *there;

    if (port_channel_pair(&here, &there, PORT_READ | PORT_WRITE, life->mem) != APR_SUCCESS)
        return 2;
    say(here, "through");
    if (pass_handle(life->given, port_channel_handle(there), in_good_time()) != APR_SUCCESS)
        return 3;
    port_channel_close(there);
    say(life->control, "sent");
    return strcmp(hear(life->control, life->mem), "(end)") == 0 ? 0 : 1;
}

static int print_word(life_t *life)
{
    int failures = (printf("%s\n", life->words[1]) < 0) + (fflush(stdout) != 0);

    say(life->control, failures == 0 ? "0" : "failed");
    return 0;
}

static int print_nowhere(life_t *life)
{
    const char *const words[] = {PRINT, "nowhere", NULL};
    child_t child = {.words = words};
    apr_file_t *output;

    apr_file_open_stdout(&output, life->mem);
    apr_file_close(output);
    if (start_child(&child, life->mem) != APR_SUCCESS)
        return 2;
    say(life->control, hear(child.control, life->mem));
    return 0;
}

static int exit_with_code(life_t *life)
{
    return atoi(life->words[1]);
}

static int wait_for_end(life_t *life)
{
    char byte;
    size_t received;

    say(life->control, "born");
    return port_channel_read(life->control, &byte, 1, PORT_NEVER, &received) == APR_EOF ? 0 : 1;
}

static int compute(life_t *life)
{
    volatile uint64_t counter = 0;

    if (life->control != NULL)
        say(life->control, "born");
    while (counter < UINT64_MAX)
        counter++;
    return 0;
}

static int outlive(life_t *life)
{
    say(life->control, "born");
    if (port_process_wait(life->birth.parent, in_good_time()) != APR_SUCCESS)
        return 1;
    port_process_close(life->birth.parent);
    say(life->given, "orphan");
    return strcmp(hear(life->given, life->mem), "leave") == 0 ? 0 : 1;
}

static int nest(life_t *life)
{
    child_t child = {.words = life->words + 1, .given = life->given};

    child.is_detached = strcmp(life->words[0], NEST_DETACHED) == 0;
    if (start_child(&child, life->mem) != APR_SUCCESS)
        return 2;
    say(life->control, strcmp(hear(child.control, life->mem), "born") == 0 ? "ready" : "failed");
    life->control = NULL;
    return compute(life);
}

static const command_t commands[] = {
    {SAY_TOKEN, say_token},
    {SAY_PARENT, say_parent},
    {SAY_WORDS, say_words},
    {SAY_VARIABLE, say_variable},
    {SAY_MERGED, say_merged},
    {SAY_FOLDER, say_folder},
    {SAY_INPUT, say_input},
    {EXIT, exit_with_code},
    {SAY_THROUGH, say_through},
    {PASS, pass_through},
    {PRINT_NOWHERE, print_nowhere},
    {PRINT, print_word},
    {WAIT, wait_for_end},
    {COMPUTE, compute},
    {OUTLIVE, outlive},
    {NEST, nest},
    {NEST_DETACHED, nest},
    {NULL, NULL},
};

/* The parent says first by which number the given end goes here. */
static apr_status_t take_given(life_t *life)
{
    port_handle_t handle = (port_handle_t)apr_atoi64(hear(life->control, life->mem));

    if (handle == PORT_NO_HANDLE)
        return APR_SUCCESS;
    return port_channel_adopt(&life->given, handle, PORT_READ | PORT_WRITE, life->mem);
}

/* And then how many handles the segment has, and their numbers here. */
static apr_status_t take_segment(life_t *life)
{
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t count = (size_t)apr_atoi64(hear(life->control, life->mem)), i;

    if (count == 0)
        return APR_SUCCESS;
    for (i = 0; i < count && i < PORT_SEGMENT_HANDLES_MAX; i++)
        handles[i] = (port_handle_t)apr_atoi64(hear(life->control, life->mem));
    return port_segment_adopt(&life->segment, handles, count, life->mem);
}

static apr_status_t come_to_life(life_t *life)
{
    const char *const *argv = main_argv;
    int argc = main_argc;
    apr_status_t rv = port_arguments(&argc, &argv, life->mem);

    if (rv == APR_SUCCESS)
        rv = port_birth(&life->birth, argv[1] + strlen(PORT_CHILD_MARK), argv[0], life->mem);
    if (rv == APR_SUCCESS)
        rv = port_channel_adopt(&life->control, life->birth.control, PORT_READ | PORT_WRITE,
                                life->mem);
    if (rv == APR_SUCCESS)
        rv = take_given(life);
    if (rv == APR_SUCCESS)
        rv = take_segment(life);
    life->words = argv + 2;
    return rv;
}

static const command_t *find_command(const command_t *among, const char *word)
{
    while (among->word != NULL && strcmp(among->word, word) != 0)
        among++;
    return among->word != NULL ? among : NULL;
}

static int run_child(void)
{
    const command_t *command;
    life_t life;

    memset(&life, 0, sizeof life);
    if (apr_pool_create(&life.mem, NULL) != APR_SUCCESS || come_to_life(&life) != APR_SUCCESS)
        return 99;
    command = find_command(own_commands, life.words[0]);
    if (command == NULL)
        command = find_command(commands, life.words[0]);
    return command != NULL ? command->run(&life) : 98;
}

void run_if_child(int argc, char **argv)
{
    static const command_t none = {NULL, NULL};

    run_if_child_of(&none, argc, argv);
}

void run_if_child_of(const command_t *own, int argc, char **argv)
{
    apr_initialize();
    own_commands = own;
    main_argc = argc;
    main_argv = (const char *const *)argv;
    if (argc > 1 && strncmp(argv[1], PORT_CHILD_MARK, strlen(PORT_CHILD_MARK)) == 0)
        exit(run_child());
}

const char *own_executable(apr_pool_t *mem)
{
    const char *path = NULL;

    port_executable(&path, main_argv[0], mem);
    return path;
}

const char *own_name(void)
{
    return main_argv[0];
}

static const char **make_arguments(const child_t *child, apr_pool_t *mem)
{
    size_t count = 0;
    const char **arguments;

    while (child->words[count] != NULL)
        count++;
    arguments = apr_palloc(mem, (count + 2) * sizeof *arguments);
    arguments[0] = main_argv[0];
    memcpy(arguments + 1, child->words, (count + 1) * sizeof *arguments);
    return arguments;
}

/* What it is given beside its end of the control channel, which is the first. */
static size_t collect_handles(port_handle_t handles[GIVEN_MAX], const child_t *child)
{
    size_t count = 1;

    if (child->given != NULL)
        handles[count++] = port_channel_handle(child->given);
    if (child->segment != NULL)
        count += port_segment_handles(child->segment, handles + count);
    return count;
}

static apr_status_t spawn(child_t *child, port_channel_t *there, port_handle_t numbers[GIVEN_MAX],
                          apr_pool_t *mem)
{
    port_handle_t handles[GIVEN_MAX];
    port_spawn_t request = {
        .executable = child->executable != NULL ? child->executable : own_executable(mem),
        .arguments = make_arguments(child, mem),
        .token = TOKEN,
        .environment = child->environment,
        .folder = child->folder,
        .handles = handles,
        .nhandles = collect_handles(handles, child),
        .is_detached = child->is_detached,
    };

    handles[0] = port_channel_handle(there);
    return port_spawn(&child->process, numbers, &request, &child->stage, mem);
}

static void say_number(port_channel_t *channel, apr_int64_t number, apr_pool_t *mem)
{
    say(channel, apr_off_t_toa(mem, (apr_off_t)number));
}

/* As take_given() and take_segment() hear them. */
static void say_numbers(const child_t *child, const port_handle_t numbers[GIVEN_MAX],
                        apr_pool_t *mem)
{
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t first = child->given != NULL ? 2 : 1, count = 0, i;

    if (child->segment != NULL)
        count = port_segment_handles(child->segment, handles);
    say_number(child->control, child->given != NULL ? numbers[1] : PORT_NO_HANDLE, mem);
    say_number(child->control, (apr_int64_t)count, mem);
    for (i = 0; i < count; i++)
        say_number(child->control, numbers[first + i], mem);
}

apr_status_t start_child(child_t *child, apr_pool_t *mem)
{
    port_channel_t *here, *there;
    port_handle_t numbers[GIVEN_MAX];
    apr_status_t rv = port_channel_pair(&here, &there, PORT_READ | PORT_WRITE, mem);

    if (rv != APR_SUCCESS)
        return rv;
    rv = spawn(child, there, numbers, mem);
    port_channel_close(there);
    if (rv != APR_SUCCESS) {
        port_channel_close(here);
        return rv;
    }
    child->control = here;
    say_numbers(child, numbers, mem);
    return APR_SUCCESS;
}

void end_child(child_t *child, port_ending_t ending, apr_int64_t code)
{
    port_exit_t how;

    assert_success(port_process_wait(child->process, in_good_time()));
    port_process_reap(child->process, &how);
    port_process_close(child->process);
    port_channel_close(child->control);
    assert_int_equal(how.ending, ending);
    assert_int_equal(how.code, code);
}
