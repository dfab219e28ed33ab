/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The child's side, by spawn and by fork, when what it calls fails: it says so to its
 * parent, or at least it does not say that all went well.
 */

#include "walk.h"

#include "bootstrap.h"
#include "connection.h"
#include "forkserver.h"
#include "queue.h"
#include "targets.h"
#include "values.h"

#include <apr_general.h>

#define TOKEN "00000000000000000000000000000000"

static apr_pool_t *mem; /* the parent's */
static mproc_connection_t *parents;
static mproc_queue_t *parents_queue;
static int has_run; /* the target */
static apr_status_t of_parents_connection, of_parents_queue;

static apr_status_t see(mproc_task_t *task)
{
    mproc_connection_t *connection;
    mproc_queue_t *queue;

    has_run = 1;
    MPROC_TRY(MPROC_UNPACK(mproc_task_args(task), &connection, &queue));
    fake_pause();
    of_parents_connection = mproc_connection_send_bytes(parents, "x", 1, 0);
    of_parents_queue = mproc_queue_put_bytes(parents_queue, "x", 1, 0);
    fake_resume();
    MPROC_TRY(mproc_queue_put_bytes(queue, "y", 1, 0));
    return mproc_connection_send_bytes(connection, "x", 1, 0);
}

static apr_status_t load(mproc_task_t *task)
{
    has_run = 1;
    return mproc_values_count(mproc_task_args(task)) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

static void make_queue(apr_pool_t *of_parent)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.capacity = SMALL;
    options.processes = 2;
    assert_success(mproc_queue_create(&parents_queue, &options, of_parent));
}

static const mproc_target_t targets[] = {MPROC_TARGET(see), MPROC_TARGET(load), MPROC_TARGETS_END};

/* With the library's own, as every program has them. */
static const mproc_target_t all_targets[] = {
    MPROC_TARGETS_OF(targets), MPROC_TARGETS_OF(mproc__own_targets), MPROC_TARGETS_END};

/* -- What the parent hears --------------------------------------------------------------- */

typedef struct heard_t {
    char word; /* 0: none */
    int has_report;
    mproc__report_t report;
} heard_t;

static heard_t hear(port_channel_t *control)
{
    mproc_values_t *values = mproc_values_create(mem);
    heard_t heard = {0};
    char part[256];
    size_t received;

    if (port_channel_read(control, &heard.word, 1, PORT_NOW, &received) != APR_SUCCESS)
        return heard;
    while (port_channel_read(control, part, sizeof part, PORT_NOW, &received) == APR_SUCCESS)
        assert_success(mproc__buffer_append(&values->buffer, part, received));
    heard.has_report = mproc__report_decode(&heard.report, values) == APR_SUCCESS;
    return heard;
}

static int is_success(const heard_t *heard, int code)
{
    return code == 0 && heard->word == MPROC__WORD_READY && heard->has_report &&
           heard->report.outcome == MPROC__RETURNED && heard->report.status == APR_SUCCESS;
}

/* There are other places for what these are for. */
static int is_harmless(const char *function)
{
    return strcmp(function, "port_executable") == 0 || strcmp(function, "fake_pool_create") == 0;
}

/* The target was not reached: a status and words tell why. */
static void check_refusal(const heard_t *heard)
{
    assert_int_equal(heard->word, MPROC__WORD_REFUSED);
    assert_int_equal(heard->report.outcome, MPROC__REFUSED);
    assert_int_not_equal(heard->report.status, APR_SUCCESS);
    assert_false(has_run);
    if (heard->report.words[0] == '\0')
        fail_msg("%s failed, and there are no words for it", fake_failed());
}

/* Other failures than a refusal may leave nothing to be heard. */
static void check_heard(const heard_t *heard, int code)
{
    if (fake_failed() == NULL)
        assert_true(is_success(heard, code));
    else if (!is_harmless(fake_failed()))
        assert_false(is_success(heard, code));
    if (code == MPROC_EXIT_HANDSHAKE && heard->has_report)
        check_refusal(heard);
}

static apr_uint64_t number_of(mproc_target_fn *target)
{
    apr_uint64_t number = UINT64_MAX;

    assert_non_null(
        mproc__targets_find(all_targets, MPROC_KIND_TASK, (void (*)(void))target, &number));
    return number;
}

/* -- By spawn ---------------------------------------------------------------------------- */

/* What to do, as a parent writes it; the handles of what its arguments hold. */
static void write_start(port_channel_t *control, mproc__handles_t *handles, mproc_target_fn *target,
                        const char *name, const mproc_pack_t *args)
{
    static const unsigned char build_id[PORT_BUILD_ID_SIZE] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    mproc__buffer_t message = {NULL, 0, 0};
    mproc__start_t start = {.token = TOKEN,
                            .build_id = {build_id, sizeof build_id},
                            .fingerprint = mproc__targets_fingerprint(all_targets),
                            .target_name = name,
                            .name = "one",
                            .identity = "1",
                            .parent_name = "parent",
                            .ignores_interrupt = 1,
                            .method = MPROC_SPAWN,
                            .context = "",
                            .args = args};
    size_t sent, i;

    handles->count = 0;
    start.target = number_of(target);
    assert_success(mproc__start_encode(&message, handles, &start));
    for (i = 0; i < handles->count; i++)
        handles->handles[i] = fake_handle_copy(handles->handles[i]);
    mproc__start_number(&message, handles->handles, handles->count);
    assert_success(port_channel_write(control, message.bytes, message.size, PORT_NOW, &sent));
    mproc__buffer_free(&message);
}

/* A child that is to do that; its mark. */
static const char *prepare(port_channel_t **control, mproc_target_fn *target, const char *name,
                           const mproc_pack_t *args)
{
    static mproc__handles_t handles;
    port_channel_t *there;

    assert_success(port_channel_pair(control, &there, PORT_READ | PORT_WRITE, mem));
    write_start(*control, &handles, target, name, args);
    return fake_mark(TOKEN, there, mem);
}

/* One that sees a connection and a queue. */
static const char *prepare_child(port_channel_t **control)
{
    mproc_connection_t *there;

    mproc__connection_register();
    mproc__queue_register();
    assert_success(mproc_pipe(&parents, &there, MPROC_DUPLEX, mem));
    make_queue(mem);
    return prepare(control, see, "see", MPROC_PACK(there, parents_queue));
}

static const char *prepare_server_with(port_channel_t **control, apr_uint64_t preload)
{
    static const unsigned char key[PORT_FORKSERVER_KEY_SIZE] = "key";
    port_channel_t *here, *there;
    mproc_value_t values[] = {
        {.type = MPROC_TYPE_CHANNEL}, MPROC_BYTES(key, sizeof key), mproc__value_unsigned(preload)};

    mproc__forkserver_register();
    assert_success(port_channel_pair(&here, &there, PORT_READ | PORT_WRITE, mem));
    values[0].as.object = there;
    return prepare(control, mproc__forkserver, "mproc__forkserver",
                   &(mproc_pack_t){sizeof values / sizeof values[0], values});
}

static void be_started(void *mark)
{
    const char *const arguments[] = {"program", mark, NULL};
    const char *const *argv = arguments;
    apr_pool_t *own;
    int argc = 2;

    mproc_init(&own, &argc, &argv, targets);
}

/* What the child has put is in the queue, behind what the target has put into the parent's. */
static void check_put(void)
{
    char bytes[2] = {0, 0};
    size_t size;

    if (!has_run)
        return;
    assert_success(mproc_queue_get_bytes(parents_queue, &bytes[0], 1, &size, 0));
    assert_success(mproc_queue_get_bytes(parents_queue, &bytes[1], 1, &size, 0));
    assert_memory_equal(bytes, "xy", 2);
}

/* A fork server with a preload function, whose clients are all gone. */
static const char *prepare_server(port_channel_t **control)
{
    return prepare_server_with(control, number_of(load));
}

static port_handle_t open_end(void)
{
    port_channel_t *here, *there;

    assert_success(port_channel_pair(&here, &there, PORT_READ | PORT_WRITE, mem));
    return fake_handle_copy(port_channel_handle(there));
}

/* A fork server that is asked for one that sees the same: `control` is the copy's. */
static const char *prepare_served(port_channel_t **control)
{
    static mproc__handles_t of_arguments;
    port_handle_t handles[FAKE_HANDLES_MAX];
    port_channel_t *servers, *there_control;
    const char *mark = prepare_server_with(&servers, MPROC__NO_PRELOAD);
    mproc_connection_t *there;

    mproc__connection_register();
    mproc__queue_register();
    assert_success(mproc_pipe(&parents, &there, MPROC_DUPLEX, mem));
    make_queue(mem);
    assert_success(port_channel_pair(control, &there_control, PORT_READ | PORT_WRITE, mem));
    write_start(*control, &of_arguments, see, "see", MPROC_PACK(there, parents_queue));
    handles[0] = fake_handle_copy(port_channel_handle(there_control));
    handles[1] = open_end(); /* the way to the server */
    handles[2] = open_end(); /* its lifeline */
    memcpy(handles + 3, of_arguments.handles, of_arguments.count * sizeof *handles);
    fake_forkserver_is_asked(handles, 3 + of_arguments.count, TOKEN);
    return mark;
}

/* How many calls of it could fail. */
static int live_as(const char *(*prepare_it)(port_channel_t **control), int n, int goes_on)
{
    port_channel_t *control;
    const char *mark;
    heard_t heard;
    int code, calls;

    assert_success(apr_pool_create(&mem, NULL));
    mark = prepare_it(&control);
    has_run = 0;
    mproc_error_set(APR_SUCCESS, "%s", "");
    (goes_on ? fake_fail_from : fake_fail)(n, APR_EMFILE);
    code = fake_run(be_started, (void *)(uintptr_t)mark);
    fake_relent();
    calls = fake_calls();
    assert_int_not_equal(code, FAKE_CAME_BACK);
    heard = hear(control);
    check_heard(&heard, code);
    if (prepare_it == prepare_child)
        check_put();
    apr_pool_destroy(mem);
    fake_program_end();
    return calls;
}

static void walk_as(const char *(*prepare_it)(port_channel_t **control))
{
    int calls = live_as(prepare_it, 0, 0), n;

    assert_true(has_run);
    for (n = 1; n <= calls; n++) {
        live_as(prepare_it, n, 0);
        live_as(prepare_it, n, 1);
    }
}

static void a_child_never_says_that_what_failed_went_well(void **state)
{
    (void)state;
    walk_as(prepare_child);
}

static void a_fork_server_never_says_that_what_failed_went_well(void **state)
{
    (void)state;
    walk_as(prepare_server);
}

static void a_served_copy_never_says_that_what_failed_went_well(void **state)
{
    (void)state;
    walk_as(prepare_served);
}

/* -- By fork ------------------------------------------------------------------------------ */

static void start_copy(void *program)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_connection_t *there;
    mproc_process_t *process;

    fake_pause();
    assert_success(mproc_pipe(&parents, &there, MPROC_DUPLEX, program));
    make_queue(program);
    fake_resume();
    options.start_method = MPROC_FORK;
    fake_be_the_copy();
    assert_int_not_equal(
        mproc_process_start(&process, see, MPROC_PACK(there, parents_queue), &options, program),
        APR_SUCCESS);
}

static int live_as_copy(int n, int goes_on)
{
    apr_pool_t *program = fake_program_begin(targets);
    heard_t heard = {0};
    int code, calls;

    has_run = 0;
    mproc_error_set(APR_SUCCESS, "%s", "");
    (goes_on ? fake_fail_from : fake_fail)(n, APR_EMFILE);
    code = fake_run(start_copy, program);
    fake_relent();
    calls = fake_calls();
    assert_success(apr_pool_create(&mem, NULL));
    if (code != FAKE_CAME_BACK)
        heard = hear(fake_parents_end(mem));
    check_heard(&heard, code);
    apr_pool_destroy(mem);
    fake_program_end();
    return calls;
}

static void a_copy_never_says_that_what_failed_went_well(void **state)
{
    int calls = live_as_copy(0, 0), n;

    (void)state;
    assert_true(has_run);
    assert_int_equal(of_parents_connection, MPROC_EFOREIGN);
    assert_int_equal(of_parents_queue, MPROC_EFOREIGN);
    for (n = 1; n <= calls; n++) {
        live_as_copy(n, 0);
        live_as_copy(n, 1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_child_never_says_that_what_failed_went_well),
        claim(a_fork_server_never_says_that_what_failed_went_well),
        claim(a_served_copy_never_says_that_what_failed_went_well),
        claim(a_copy_never_says_that_what_failed_went_well),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
