/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A child believes a start message only if it carries the token of the child's
 * own mark.  Here a child is started by the port, and told something by hand.
 */

#include "claims.h"
#include "workers.h"

#include "bootstrap.h"
#include "port.h"

#include <string.h>

#define TOKEN "00000000000000000000000000000000"

static const char *own_path;

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* Start this program as a child with TOKEN; `control` is what it is told by. */
static port_process_t *start_by_hand(port_channel_t **control, apr_pool_t *mem)
{
    const char *const arguments[] = {own_path, NULL};
    port_handle_t handle, number;
    port_spawn_t request = {
        .executable = own_path, .arguments = arguments, .token = TOKEN, .handles = &handle, .nhandles = 1};
    port_channel_t *there;
    port_process_t *child;
    port_stage_t stage;

    assert_success(port_channel_pair(control, &there, PORT_READ | PORT_WRITE, mem));
    handle = port_channel_handle(there);
    assert_success(port_spawn(&child, &number, &request, &stage, mem));
    port_channel_close(there);
    return child;
}

static void tell(port_channel_t *control, const char *token)
{
    mproc__start_t start = {.token = token,
                            .target_name = "succeed",
                            .name = "",
                            .identity = "1",
                            .parent_name = "",
                            .method = MPROC_SPAWN,
                            .context = ""};
    mproc__buffer_t message = {NULL, 0, 0};
    mproc__handles_t handles = {{0}, 0};
    size_t sent;

    assert_success(mproc__start_encode(&message, &handles, &start));
    assert_success(port_channel_write(control, message.bytes, message.size, port_clock() + PATIENCE, &sent));
    mproc__buffer_free(&message);
}

/* All that the child says until its end: a word, and a report. */
static mproc__report_t refusal_from(port_channel_t *control, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc__report_t report;
    size_t received;
    char part[256];

    assert_success(port_channel_read(control, part, 1, port_clock() + PATIENCE, &received));
    assert_int_equal(part[0], MPROC__WORD_REFUSED);
    while (port_channel_read(control, part, sizeof part, port_clock() + PATIENCE, &received) == APR_SUCCESS)
        assert_success(mproc__buffer_append(&values->buffer, part, received));
    assert_success(mproc__report_decode(&report, values));
    return report;
}

static void check_refusal(const char *token, apr_status_t expected, const char *words, apr_pool_t *mem)
{
    port_channel_t *control;
    port_process_t *child = start_by_hand(&control, mem);
    mproc__report_t report;
    port_exit_t how;

    tell(control, token);
    report = refusal_from(control, mem);
    assert_int_equal(report.outcome, MPROC__REFUSED);
    assert_status(report.status, expected);
    assert_words(report.words, words);
    assert_success(port_process_wait(child, port_clock() + PATIENCE));
    port_process_reap(child, &how);
    port_process_close(child);
    port_channel_close(control);
    assert_int_equal(how.code, MPROC_EXIT_HANDSHAKE);
}

static void a_start_message_with_another_token_is_refused(void **state)
{
    check_refusal("00000000000000000000000000000001", MPROC_EHANDSHAKE, "for another process", *state);
    check_refusal("", MPROC_EHANDSHAKE, "for another process", *state);
    check_refusal(TOKEN "0", MPROC_EHANDSHAKE, "for another process", *state);
}

/* It is told so for another reason only: the message is of no build. */
static void one_with_the_childs_own_token_is_believed(void **state)
{
    check_refusal(TOKEN, MPROC_EBUILD, "another build", *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_start_message_with_another_token_is_refused),
        claim_leaving_nothing(one_with_the_childs_own_token_is_believed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
