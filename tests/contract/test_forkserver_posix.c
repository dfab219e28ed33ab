/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: asking a fork server for copies, and what clients that lie, stop or die in the middle
 * do to it and to each other.
 */

#include "spawned.h"

#include "internal.h"

#include <apr_file_io.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOTH (PORT_READ | PORT_WRITE)

/* Be a server of copies that obey; be one without the rights of root. */
#define SERVE "serve"
#define SERVE_HUMBLY "serve-humbly"
#define NOBODY 65534

/* What is first said to a copy. */
#define BEGIN "begin"

#define KEY "sixteen letters."

/* What a copy leaves with that was not made, and one that was told to leave. */
enum { CODE_OF_NONE = 127, CODE_OF_LIFE = 7 };

/* More handles than go at once. */
#define MANY 300

#define NTHREADS 8
#define ROUNDS 10

/* -- The server, and its copies ------------------------------------------------------- */

static void leave(int code)
{
    _exit(code == PORT_CODE_UNKNOWN ? CODE_OF_LIFE : code);
}

static void tell(port_channel_t *control, const char *what, apr_pool_t *mem)
{
    char *folder = NULL;
    const char *value = getenv(what);

    apr_filepath_get(&folder, 0, mem);
    say(control, strcmp(what, "folder") == 0 ? folder : value != NULL ? value : "(none)");
}

/* Says "through" in the last of its handles, which is beside the control channel alone. */
static void speak_through(const port_handle_t *handles, size_t nhandles, apr_pool_t *mem)
{
    port_channel_t *last;

    if (nhandles > 1 && port_channel_adopt(&last, handles[nhandles - 1], BOTH, mem) == APR_SUCCESS)
        say(last, "through");
}

/* When it is told to begin, says its token; then, whenever it hears a word, what that means here, until it hears "leave". */
static void live(apr_status_t rv, const port_birth_t *birth, const port_handle_t *handles,
                 size_t nhandles, void *data)
{
    apr_pool_t *mem = data;
    port_channel_t *control;
    const char *word;

    if (rv != APR_SUCCESS || port_channel_adopt(&control, birth->control, BOTH, mem) != APR_SUCCESS)
        _exit(1);
    port_signals_release();
    if (strcmp(hear(control, mem), BEGIN) != 0)
        _exit(1);
    speak_through(handles, nhandles, mem);
    say(control, birth->token);
    for (word = hear(control, mem); word[0] != '('; word = hear(control, mem)) {
        if (strcmp(word, "leave") == 0)
            exit(CODE_OF_LIFE);
        tell(control, word, mem);
    }
    _exit(2);
}

static int serve(life_t *life)
{
    port_serving_t serving = {.key = (const unsigned char *)KEY, .live = live, .leave = leave};

    if (apr_pool_create(&serving.copy_mem, NULL) != APR_SUCCESS)
        return 2;
    serving.data = serving.copy_mem;
    return port_forkserver_serve(life->given, &serving) == APR_SUCCESS ? 0 : 1;
}

static int serve_humbly(life_t *life)
{
    return geteuid() == 0 && setuid(NOBODY) != 0 ? 2 : serve(life);
}

static const command_t commands[] = {{SERVE, serve}, {SERVE_HUMBLY, serve_humbly}, {NULL, NULL}};

/* -- The client --------------------------------------------------------------------------- */

typedef struct server_t {
    child_t child;
    port_channel_t *channel;
} server_t;

static void start_server_that(const char *command, server_t *server, apr_pool_t *mem)
{
    const char *const words[] = {command, NULL};

    memset(server, 0, sizeof *server);
    server->child.words = words;
    assert_success(port_channel_pair(&server->channel, &server->child.given, BOTH, mem));
    assert_success(start_child(&server->child, mem));
    port_channel_close(server->child.given);
}

static void start_server(server_t *server, apr_pool_t *mem)
{
    start_server_that(SERVE, server, mem);
}

/* Nobody has a way to it any more. */
static void end_server(server_t *server)
{
    port_channel_close(server->channel);
    end_child(&server->child, PORT_EXITED, 0);
}

/* A copy of the server, once it is there. */
typedef struct copy_t {
    port_process_t *process;
    port_channel_t *control;
} copy_t;

/* With `nhandles` handles that are all the same, beside the control channel. */
static apr_status_t ask_as(copy_t *copy, const server_t *server, port_ask_t *ask,
                           port_handle_t handle, size_t nhandles, port_deadline_t deadline,
                           apr_pool_t *mem)
{
    port_handle_t handles[1 + MANY];
    port_channel_t *there;
    port_stage_t stage;
    size_t i;
    apr_status_t rv = port_channel_pair(&copy->control, &there, BOTH, mem);

    if (rv != APR_SUCCESS)
        return rv;
    handles[0] = port_channel_handle(there);
    for (i = 1; i <= nhandles; i++)
        handles[i] = handle;
    ask->handles = handles;
    ask->nhandles = 1 + nhandles;
    rv = port_forkserver_ask(&copy->process, server->channel, ask, &stage, deadline, mem);
    port_channel_close(there);
    if (rv == APR_SUCCESS)
        say(copy->control, BEGIN);
    else
        port_channel_close(copy->control);
    return rv;
}

static port_ask_t plain_ask(void)
{
    port_ask_t ask = {.key = (const unsigned char *)KEY, .token = TOKEN};

    return ask;
}

static apr_status_t ask_for(copy_t *copy, const server_t *server, apr_pool_t *mem)
{
    port_ask_t ask = plain_ask();

    return ask_as(copy, server, &ask, PORT_NO_HANDLE, 0, in_good_time(), mem);
}

static const char *answer(const copy_t *copy, const char *word, apr_pool_t *mem)
{
    say(copy->control, word);
    return hear(copy->control, mem);
}

/* However it ends. */
static void end_copy(const copy_t *copy, port_ending_t ending, apr_int64_t code)
{
    port_exit_t how;

    assert_success(port_process_wait(copy->process, in_good_time()));
    assert_success(port_forkserver_await_end(copy->process, in_good_time()));
    port_process_reap(copy->process, &how);
    port_process_close(copy->process);
    port_channel_close(copy->control);
    assert_int_equal(how.ending, ending);
    assert_int_equal(how.code, code);
}

static void let_leave(const copy_t *copy)
{
    say(copy->control, "leave");
    end_copy(copy, PORT_EXITED, CODE_OF_LIFE);
}

static void assert_serves(const server_t *server, apr_pool_t *mem)
{
    copy_t copy;

    assert_success(ask_for(&copy, server, mem));
    assert_string_equal(hear(copy.control, mem), TOKEN);
    let_leave(&copy);
}

/* -- Clients that keep to the rules ----------------------------------------------------------- */

static void a_copy_has_what_was_asked_for(void **state)
{
    static const char *const environment[] = {"COLOUR=green", "SIZE=", NULL};
    port_ask_t ask = plain_ask();
    port_channel_t *here, *there;
    server_t server;
    copy_t copy;

    start_server(&server, *state);
    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    ask.token = "another";
    ask.environment = environment;
    ask.folder = "/usr";
    assert_success(
        ask_as(&copy, &server, &ask, port_channel_handle(there), 1, in_good_time(), *state));
    port_channel_close(there);
    assert_string_equal(hear(copy.control, *state), "another");
    assert_string_equal(answer(&copy, "COLOUR", *state), "green");
    assert_string_equal(answer(&copy, "SIZE", *state), "");
    assert_string_equal(answer(&copy, "PATH", *state), "(none)");
    assert_string_equal(answer(&copy, "folder", *state), "/usr");
    assert_string_equal(hear(here, *state), "through");
    let_leave(&copy);
    assert_string_equal(hear(here, *state), "(end)");
    port_channel_close(here);
    end_server(&server);
}

/* Who is to be elsewhere need not be able to go to where the client is. */
static void a_copy_goes_only_to_the_folder_that_was_asked_for(void **state)
{
    char closed[] = "/tmp/mproc-test-XXXXXX", before[4096];
    port_ask_t ask = plain_ask();
    server_t server;
    copy_t copy;
    apr_status_t rv;

    start_server_that(SERVE_HUMBLY, &server, *state);
    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(closed));
    assert_int_equal(chdir(closed), 0);
    assert_int_equal(chmod(closed, 0), 0);
    ask.folder = "/";
    rv = ask_as(&copy, &server, &ask, PORT_NO_HANDLE, 0, in_good_time(), *state);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(closed), 0);
    assert_success(rv);
    assert_string_equal(hear(copy.control, *state), TOKEN);
    assert_string_equal(answer(&copy, "folder", *state), "/");
    let_leave(&copy);
    end_server(&server);
}

static void more_handles_than_go_at_once_arrive(void **state)
{
    port_ask_t ask = plain_ask();
    port_channel_t *here, *there;
    server_t server;
    copy_t copy;

    start_server(&server, *state);
    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    assert_success(
        ask_as(&copy, &server, &ask, port_channel_handle(there), MANY, in_good_time(), *state));
    port_channel_close(there);
    assert_string_equal(hear(here, *state), "through");
    assert_string_equal(hear(copy.control, *state), TOKEN);
    let_leave(&copy);
    assert_string_equal(hear(here, *state), "(end)");
    port_channel_close(here);
    end_server(&server);
}

static void a_copy_that_is_killed_is_told_of(void **state)
{
    server_t server;
    copy_t copy;

    start_server(&server, *state);
    assert_success(ask_for(&copy, &server, *state));
    assert_int_equal(port_process_wait(copy.process, in_a_moment()), APR_TIMEUP);
    assert_success(port_process_stop(copy.process, SIGKILL));
    end_copy(&copy, PORT_SIGNALED, SIGKILL);
    end_server(&server);
}

static void copies_outlive_a_server_that_is_killed_and_their_ends_are_lost(void **state)
{
    server_t server;
    copy_t one, two;

    start_server(&server, *state);
    assert_success(ask_for(&one, &server, *state));
    assert_success(ask_for(&two, &server, *state));
    port_process_stop(server.child.process, SIGKILL);
    end_child(&server.child, PORT_SIGNALED, SIGKILL);
    assert_string_equal(hear(one.control, *state), TOKEN);
    assert_int_equal(port_process_wait(one.process, in_a_moment()), APR_TIMEUP);
    say(one.control, "leave");
    end_copy(&one, PORT_LOST, 0);
    assert_int_equal(port_process_wait(two.process, PORT_NOW), APR_TIMEUP);
    assert_success(port_process_stop(two.process, SIGKILL));
    end_copy(&two, PORT_LOST, 0);
    port_channel_close(server.channel);
}

static void a_server_that_is_gone_is_the_end(void **state)
{
    server_t server;
    copy_t copy;
    int before;

    start_server(&server, *state);
    port_process_stop(server.child.process, SIGKILL);
    end_child(&server.child, PORT_SIGNALED, SIGKILL);
    before = count_open_handles();
    assert_int_equal(ask_for(&copy, &server, *state), APR_EOF);
    assert_int_equal(count_open_handles(), before);
    port_channel_close(server.channel);
}

static void stop_server(const server_t *server)
{
    pid_t pid = (pid_t)port_process_pid(server->child.process);
    siginfo_t how;

    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &how, WSTOPPED), 0);
}

static void let_go_on(const server_t *server)
{
    assert_int_equal(kill((pid_t)port_process_pid(server->child.process), SIGCONT), 0);
}

static void a_server_that_does_not_tell_of_an_end_is_waited_for_until_the_deadline(void **state)
{
    port_waitable_t what = {.has_ended = 1};
    server_t server;
    copy_t copy;

    start_server(&server, *state);
    assert_success(ask_for(&copy, &server, *state));
    assert_string_equal(hear(copy.control, *state), TOKEN);
    stop_server(&server);
    assert_success(port_process_stop(copy.process, SIGKILL));
    assert_string_equal(hear(copy.control, *state), "(end)");
    what.process = copy.process;
    assert_int_equal(port_forkserver_await_end(copy.process, PORT_NOW), APR_TIMEUP);
    assert_int_equal(port_forkserver_await_end(copy.process, in_a_moment()), APR_TIMEUP);
    assert_int_equal(port_wait(&what, 1, in_a_moment()), APR_TIMEUP);
    let_go_on(&server);
    assert_success(port_wait(&what, 1, in_good_time()));
    end_copy(&copy, PORT_SIGNALED, SIGKILL);
    end_server(&server);
}

/* Later it makes the copy that nobody waits for any more, which then is none for long. */
static void a_server_that_does_not_answer_is_waited_for_until_the_deadline(void **state)
{
    port_ask_t ask = plain_ask();
    port_channel_t *here, *there;
    server_t server;
    copy_t copy;
    int before;

    start_server(&server, *state);
    assert_serves(&server, *state);
    stop_server(&server);
    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    before = count_open_handles();
    assert_int_equal(
        ask_as(&copy, &server, &ask, port_channel_handle(there), 1, in_a_moment(), *state),
        APR_TIMEUP);
    assert_int_equal(count_open_handles(), before);
    port_channel_close(there);
    let_go_on(&server);
    assert_string_equal(hear(here, *state), "(end)");
    port_channel_close(here);
    assert_serves(&server, *state);
    end_server(&server);
}

/* -- Many at once ----------------------------------------------------------------------------- */

typedef struct asker_t {
    const server_t *server;
    apr_pool_t *mem;
    apr_thread_t *thread;
    int right;
} asker_t;

/* Each copy has its own token, and none of another's. */
static void *APR_THREAD_FUNC ask_some(apr_thread_t *thread, void *data)
{
    asker_t *asker = data;
    int i;

    (void)thread;
    for (i = 0; i < ROUNDS; i++) {
        port_ask_t ask = plain_ask();
        copy_t copy;

        ask.token = apr_psprintf(asker->mem, "%p %d", data, i);
        if (ask_as(&copy, asker->server, &ask, PORT_NO_HANDLE, 0, in_good_time(), asker->mem) !=
            APR_SUCCESS)
            continue;
        asker->right += strcmp(hear(copy.control, asker->mem), ask.token) == 0;
        let_leave(&copy);
    }
    return NULL;
}

static void clients_at_once_get_each_what_is_theirs(void **state)
{
    asker_t askers[NTHREADS];
    server_t server;
    apr_status_t ignored;
    int i;

    start_server(&server, *state);
    for (i = 0; i < NTHREADS; i++) {
        askers[i] = (asker_t){.server = &server};
        assert_success(apr_pool_create(&askers[i].mem, *state));
        assert_success(
            apr_thread_create(&askers[i].thread, NULL, ask_some, &askers[i], askers[i].mem));
    }
    for (i = 0; i < NTHREADS; i++)
        apr_thread_join(&ignored, askers[i].thread);
    for (i = 0; i < NTHREADS; i++)
        assert_int_equal(askers[i].right, ROUNDS);
    end_server(&server);
}

/* -- Clients that do not keep to them --------------------------------------------------------- */

/* An ask as it goes along the line, but for its handles. */
typedef struct message_t {
    posix_ask_t heading;
    char texts[64];
} message_t;

#define TEXTS "token\0COLOUR=green\0SIZE="

/* How much of the message there is. */
static size_t make_message(message_t *message, uint32_t ndescriptors)
{
    memset(message, 0, sizeof *message);
    memcpy(message->heading.key, KEY, PORT_FORKSERVER_KEY_SIZE);
    message->heading.ndescriptors = ndescriptors;
    message->heading.size = sizeof TEXTS;
    memcpy(message->texts, TEXTS, sizeof TEXTS);
    return sizeof message->heading + sizeof TEXTS;
}

static void assert_hears(port_channel_t *line, posix_answer_t *told, posix_news_t news)
{
    assert_success(read_bytes(line, told, sizeof *told));
    assert_int_equal(told->news, news);
}

static void assert_hears_of_birth(port_channel_t *line)
{
    posix_answer_t told;

    assert_hears(line, &told, POSIX_BORN);
    assert_true(told.first > 0);
    port_channel_drop_handles(line);
}

static port_channel_t *open_line(const server_t *server, apr_pool_t *mem)
{
    port_channel_t *here, *there;

    assert_success(port_channel_pair(&here, &there, BOTH, mem));
    assert_success(pass_handle(server->channel, port_channel_handle(there), in_good_time()));
    port_channel_close(there);
    assert_hears_of_birth(here);
    return here;
}

static void write_part(port_channel_t *line, const void *bytes, size_t size)
{
    size_t sent;

    assert_success(port_channel_write(line, bytes, size, in_good_time(), &sent));
}

/* As if the client had died: the copy gives up, and its end is told to whoever listens still. */
static void assert_gives_up(port_channel_t *line)
{
    posix_answer_t told;

    assert_int_equal(shutdown((int)port_channel_handle(line), SHUT_WR), 0);
    assert_hears(line, &told, POSIX_ENDED);
    assert_int_equal(told.first, CLD_EXITED);
    assert_int_equal(told.second, CODE_OF_NONE);
    port_channel_close(line);
}

static void a_client_may_die_after_any_byte(void **state)
{
    message_t message;
    size_t size = make_message(&message, 4), cut;
    server_t server;

    start_server(&server, *state);
    for (cut = 0; cut <= size; cut++) {
        port_channel_t *line = open_line(&server, *state);

        if (cut > 0)
            write_part(line, &message, cut);
        assert_gives_up(line);
    }
    assert_serves(&server, *state);
    end_server(&server);
}

static void a_client_may_die_after_some_of_its_handles(void **state)
{
    message_t message;
    size_t size = make_message(&message, 4), sent, count;
    server_t server;

    start_server(&server, *state);
    for (count = 1; count < 4; count++) {
        port_channel_t *line = open_line(&server, *state);
        port_handle_t handles[4];
        size_t i;

        for (i = 0; i < count; i++)
            handles[i] = port_channel_handle(line);
        assert_success(
            port_channel_send_handles(line, &message, size, handles, count, in_good_time(), &sent));
        assert_gives_up(line);
    }
    assert_serves(&server, *state);
    end_server(&server);
}

static void send_whole_ask(port_channel_t *line, const port_channel_t *control, int is_detached)
{
    port_handle_t handles[POSIX_ASK_HANDLES + 1];
    message_t message;
    size_t size = make_message(&message, POSIX_ASK_HANDLES + 1), sent;
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(folder >= 0);
    message.heading.is_detached = (uint32_t)is_detached;
    handles[POSIX_ASK_STDOUT] = handles[POSIX_ASK_STDERR] = STDERR_FILENO;
    handles[POSIX_ASK_FOLDER] = folder;
    handles[POSIX_ASK_HANDLES] = port_channel_handle(control);
    assert_success(port_channel_send_handles(line, &message, size, handles, POSIX_ASK_HANDLES + 1,
                                             in_good_time(), &sent));
    close(folder);
}

/* Along its line nothing is said any more: the kernel may tell of that late, as of the client's end. */
static void a_copy_begins_by_the_first_word_on_its_control_channel(void **state)
{
    port_channel_t *here, *there, *line;
    server_t server;

    start_server(&server, *state);
    line = open_line(&server, *state);
    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    send_whole_ask(line, there, 0);
    port_channel_close(there);
    say(here, BEGIN);
    assert_string_equal(hear(here, *state), "token");
    port_channel_close(line);
    assert_string_equal(hear(here, *state), "(end)");
    port_channel_close(here);
    end_server(&server);
}

/* Else it would run, unknown to anybody, where the server was killed before it had told of it. */
static void a_copy_does_not_begin_before_its_client_has_heard_of_it(void **state)
{
    port_channel_t *here, *there, *line;
    server_t server;
    size_t received;
    char byte;

    start_server(&server, *state);
    line = open_line(&server, *state);
    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    send_whole_ask(line, there, 0);
    port_channel_close(there);
    port_process_stop(server.child.process, SIGKILL);
    end_child(&server.child, PORT_SIGNALED, SIGKILL);
    assert_int_equal(port_channel_read(here, &byte, 1, in_a_moment(), &received), APR_TIMEUP);
    port_channel_close(line);
    assert_string_equal(hear(here, *state), "(end)");
    port_channel_close(here);
    port_channel_close(server.channel);
}

/* Its control channel may be another's, too. */
static void assert_hears_nothing_when_given_up(int is_detached, apr_pool_t *mem)
{
    port_channel_t *here, *there, *line;
    server_t server;

    start_server(&server, mem);
    line = open_line(&server, mem);
    assert_success(port_channel_pair(&here, &there, BOTH, mem));
    send_whole_ask(line, there, is_detached);
    write_part(line, "", 1);
    say(here, BEGIN);
    assert_gives_up(line);
    assert_string_equal(hear(there, mem), BEGIN);
    port_channel_close(here);
    port_channel_close(there);
    end_server(&server);
}

static void a_copy_that_was_given_up_hears_nothing_that_is_said_to_another(void **state)
{
    assert_hears_nothing_when_given_up(0, *state);
    assert_hears_nothing_when_given_up(1, *state);
}

/* Its client has told it all, and ended. */
static void a_detached_copy_begins_though_its_client_has_gone(void **state)
{
    port_channel_t *here, *there, *line;
    server_t server;

    start_server(&server, *state);
    line = open_line(&server, *state);
    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    send_whole_ask(line, there, 1);
    port_channel_close(there);
    say(here, BEGIN);
    port_channel_close(line);
    assert_string_equal(hear(here, *state), "token");
    port_channel_close(here);
    end_server(&server);
}

static void clients_that_stop_in_the_middle_stop_nobody_else(void **state)
{
    message_t message;
    size_t size = make_message(&message, 4), i;
    port_channel_t *lines[20];
    server_t server;

    start_server(&server, *state);
    for (i = 0; i < 20; i++) {
        lines[i] = open_line(&server, *state);
        if (i > 0)
            write_part(lines[i], &message, i * size / 20);
        assert_serves(&server, *state);
    }
    for (i = 0; i < 20; i++)
        assert_gives_up(lines[i]);
    end_server(&server);
}

static void a_copy_ends_at_once_whose_client_has_not_the_key(void **state)
{
    unsigned char key[] = KEY;
    port_ask_t ask = plain_ask();
    server_t server;
    copy_t copy;
    size_t i;

    start_server(&server, *state);
    for (i = 0; i < PORT_FORKSERVER_KEY_SIZE; i++) {
        key[i] ^= 1;
        ask.key = key;
        assert_success(ask_as(&copy, &server, &ask, PORT_NO_HANDLE, 0, in_good_time(), *state));
        assert_string_equal(hear(copy.control, *state), "(end)");
        end_copy(&copy, PORT_EXITED, CODE_OF_NONE);
        key[i] ^= 1;
        assert_serves(&server, *state);
    }
    end_server(&server);
}

/* What the heading says, with nothing behind it that is so large. */
static void assert_survives_heading(const server_t *server, uint32_t ndescriptors, uint64_t size,
                                    apr_pool_t *mem)
{
    port_channel_t *line = open_line(server, mem);
    message_t message;

    make_message(&message, ndescriptors);
    message.heading.size = size;
    write_part(line, &message, sizeof message);
    assert_gives_up(line);
    assert_serves(server, mem);
}

static void sizes_that_are_not_true_give_no_copy(void **state)
{
    static const uint64_t sizes[] = {
        0, 1, 6, 7, sizeof TEXTS - 1, 1 << 20, (uint64_t)1 << 40, INT64_MAX, UINT64_MAX,
    };
    static const uint32_t counts[] = {0, 1, 2, 3, 4, 254, 100000, INT32_MAX, UINT32_MAX};
    server_t server;
    size_t i;

    start_server(&server, *state);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_survives_heading(&server, 4, sizes[i], *state);
    for (i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_survives_heading(&server, counts[i], sizeof TEXTS, *state);
    end_server(&server);
}

static void strings_without_an_end_give_no_copy(void **state)
{
    server_t server;
    message_t message;
    port_channel_t *line;

    start_server(&server, *state);
    line = open_line(&server, *state);
    make_message(&message, 4);
    memset(message.texts, 'x', sizeof message.texts);
    write_part(line, &message, sizeof message);
    assert_gives_up(line);
    assert_serves(&server, *state);
    end_server(&server);
}

/* Of whoever has the key: the beginning may make sense, and no more. */
static void noise_gives_no_copy(void **state)
{
    unsigned random = 4711;
    server_t server;
    int round;

    start_server(&server, *state);
    for (round = 0; round < 200; round++) {
        port_channel_t *line = open_line(&server, *state);
        message_t message;
        unsigned char *bytes = (unsigned char *)&message;
        size_t i, first;

        make_message(&message, 4);
        random = random * 1103515245 + 12345;
        first =
            PORT_FORKSERVER_KEY_SIZE + (random >> 8) % (sizeof message - PORT_FORKSERVER_KEY_SIZE);
        for (i = first; i < sizeof message; i++) {
            random = random * 1103515245 + 12345;
            bytes[i] = (unsigned char)(random >> 16);
        }
        write_part(line, &message, sizeof message);
        assert_gives_up(line);
    }
    assert_serves(&server, *state);
    end_server(&server);
}

/* -- The channel that all share --------------------------------------------------------------- */

static void bytes_without_a_line_are_nothing(void **state)
{
    unsigned char garbage[1000];
    server_t server;

    start_server(&server, *state);
    fill_pattern(garbage, sizeof garbage, 0);
    write_part(server.channel, garbage, sizeof garbage);
    assert_serves(&server, *state);
    end_server(&server);
}

static void what_is_no_line_gives_no_copy(void **state)
{
    port_handle_t handles[PORT_HANDLES_MAX];
    port_channel_t *here, *there;
    size_t i, sent;
    server_t server;
    int pair[2];

    start_server(&server, *state);
    assert_int_equal(pipe(pair), 0);
    assert_success(pass_handle(server.channel, pair[0], in_good_time()));
    assert_success(pass_handle(server.channel, pair[1], in_good_time()));
    close(pair[0]);
    close(pair[1]);
    assert_serves(&server, *state);

    /* As many as go at once: at most one is taken for a line, and none is kept. */
    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    for (i = 0; i < PORT_HANDLES_MAX; i++)
        handles[i] = port_channel_handle(there);
    assert_success(port_channel_send_handles(server.channel, "h", 1, handles, PORT_HANDLES_MAX,
                                             in_good_time(), &sent));
    port_channel_close(there);
    assert_hears_of_birth(here);
    assert_gives_up(here);
    assert_serves(&server, *state);
    end_server(&server);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        claim(a_copy_has_what_was_asked_for),
        claim(a_copy_goes_only_to_the_folder_that_was_asked_for),
        claim(more_handles_than_go_at_once_arrive),
        claim(a_copy_that_is_killed_is_told_of),
        claim(copies_outlive_a_server_that_is_killed_and_their_ends_are_lost),
        claim(a_server_that_is_gone_is_the_end),
        claim(a_server_that_does_not_tell_of_an_end_is_waited_for_until_the_deadline),
        claim(a_server_that_does_not_answer_is_waited_for_until_the_deadline),
        claim(clients_at_once_get_each_what_is_theirs),
        claim(a_client_may_die_after_any_byte),
        claim(a_client_may_die_after_some_of_its_handles),
        claim(a_copy_begins_by_the_first_word_on_its_control_channel),
        claim(a_copy_does_not_begin_before_its_client_has_heard_of_it),
        claim(a_copy_that_was_given_up_hears_nothing_that_is_said_to_another),
        claim(a_detached_copy_begins_though_its_client_has_gone),
        claim(clients_that_stop_in_the_middle_stop_nobody_else),
        claim(a_copy_ends_at_once_whose_client_has_not_the_key),
        claim(sizes_that_are_not_true_give_no_copy),
        claim(strings_without_an_end_give_no_copy),
        claim(noise_gives_no_copy),
        claim(bytes_without_a_line_are_nothing),
        claim(what_is_no_line_gives_no_copy),
    };

    run_if_child_of(commands, argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
