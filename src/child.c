/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A child: what it finds, what it is told, whether it agrees, its target, and
 * its report.
 *
 * The report is sent by a handler of exit(), so that a target that calls exit()
 * itself is told of too; until the target has returned, the report says so.
 */

#include "child.h"

#include "bootstrap.h"
#include "context.h"
#include "log.h"
#include "process_object.h"
#include "status.h"
#include "targets.h"
#include "task.h"

#include <mproc/status.h>

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of this process, if it is a child. */
static mproc_task_t task = {.overdue = PORT_NEVER};
static port_channel_t *control; /* NULL in a process that is none */
static mproc__report_t last_report = {MPROC__EXITED, APR_SUCCESS, ""};

/* -- Speaking to the parent ---------------------------------------------------- */

/*
 * All that a child says fits the channel, so nothing here waits; a parent that is gone hears
 * nothing.
 */
static void say(char word)
{
    size_t sent;

    port_channel_write(control, &word, 1, PORT_NOW, &sent);
}

static void send_report(const mproc__report_t *report)
{
    mproc__buffer_t buffer = {NULL, 0, 0};
    size_t sent;

    if (mproc__report_encode(&buffer, report) == APR_SUCCESS)
        port_channel_write(control, buffer.bytes, buffer.size, PORT_NOW, &sent);
    mproc__buffer_free(&buffer);
}

/*
 * A target that has called exit() may have threads that still use its memory; one that has
 * returned has not.
 */
void mproc__child_end(void)
{
    if (control == NULL)
        return;
    if (last_report.outcome == MPROC__RETURNED)
        apr_pool_destroy(task.mem);
    send_report(&last_report);
}

_Noreturn void mproc__child_refuse(apr_status_t rv)
{
    mproc__report_t report = {MPROC__REFUSED, rv, ""};

    mproc__error_explain(rv, "set up this process");
    report.words = mproc_error_message();
    /* A child whose parent is gone ends with it, quietly. */
    if (!APR_STATUS_IS_EOF(rv))
        fprintf(stderr, "mproc: this child cannot start: %s\n", mproc_error_message());
    if (control != NULL) {
        say(MPROC__WORD_REFUSED);
        send_report(&report);
    }
    if (task.mem != NULL)
        apr_pool_destroy(task.mem);
    exit(MPROC_EXIT_HANDSHAKE);
}

/* -- Reading the start message ------------------------------------------------- */

static apr_status_t parent_is_gone(void)
{
    return mproc_error_set(APR_EOF, "the parent was gone before it had said what to do");
}

static apr_status_t read_exactly(void *bytes, size_t size)
{
    size_t have = 0, received;

    while (have < size) {
        apr_status_t rv =
            port_channel_read(control, (char *)bytes + have, size - have, PORT_NEVER, &received);
        if (rv != APR_SUCCESS)
            return parent_is_gone();
        have += received;
    }
    return APR_SUCCESS;
}

static apr_status_t read_message(mproc__buffer_t *buffer)
{
    unsigned char header[MPROC__START_HEADER];
    size_t rest;

    MPROC_TRY(read_exactly(header, sizeof header));
    MPROC_TRY(mproc__start_rest(&rest, header));
    if (mproc__buffer_append(buffer, header, sizeof header) != APR_SUCCESS ||
        mproc__buffer_reserve(buffer, rest) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "the arguments are larger than the memory there is");
    MPROC_TRY(read_exactly(buffer->bytes + buffer->size, rest));
    buffer->size += rest;
    return APR_SUCCESS;
}

static apr_status_t read_start(mproc__start_t *start, mproc_values_t *values)
{
    MPROC_TRY(read_message(&values->buffer));
    return mproc__start_decode(start, values);
}

/* It was written before anybody knew their numbers. */
static apr_status_t read_start_of_copy(mproc__start_t *start, mproc_values_t *values,
                                       const port_handle_t *handles, size_t nhandles)
{
    mproc__buffer_t *buffer = &values->buffer;

    MPROC_TRY(read_message(buffer));
    if (mproc__get_u64(buffer->bytes + 16) != nhandles)
        return mproc_error_set(MPROC_EPROTOCOL, "the start message is of other handles");
    mproc__start_number(buffer, handles, nhandles);
    return mproc__start_decode(start, values);
}

static apr_status_t take_control(const port_birth_t *birth, apr_pool_t *mem)
{
    return port_channel_adopt(&control, birth->control, PORT_READ | PORT_WRITE, mem);
}

static apr_status_t be_born(port_birth_t *birth, const char *mark, const char *argv0,
                            apr_pool_t *mem)
{
    apr_status_t rv = port_birth(birth, mark, argv0, mem);

    if (APR_STATUS_IS_EOF(rv))
        return parent_is_gone();
    if (rv == APR_SUCCESS)
        rv = take_control(birth, mem);
    if (rv != APR_SUCCESS)
        return mproc_error_set(MPROC_EHANDSHAKE,
                               "%s is for mproc alone: it marks a process that mproc has started, "
                               "and this one was not",
                               PORT_CHILD_MARK);
    return APR_SUCCESS;
}

/* -- Agreeing ------------------------------------------------------------------ */

static apr_status_t check_build(const mproc__start_t *start)
{
    if (start->build_id.size != PORT_BUILD_ID_SIZE ||
        memcmp(start->build_id.data, mproc__program.build_id, PORT_BUILD_ID_SIZE) != 0)
        return mproc_error_set(
            MPROC_EBUILD,
            "%s is another build of the program than its parent: was it built anew "
            "while the parent ran, or does MPROC_EXECUTABLE name another?",
            mproc__program.argv[0]);
    if (start->fingerprint != mproc__program.fingerprint)
        return mproc_error_set(MPROC_EBUILD,
                               "the table of targets differs from the parent's: mproc_init must be "
                               "given the same table in every process");
    return APR_SUCCESS;
}

static apr_status_t find_target(const mproc_target_t **target, const mproc__start_t *start)
{
    const mproc_target_t *found = mproc__targets_at(mproc__program.targets, start->target);

    if (found == NULL || found->kind != MPROC_KIND_TASK ||
        strcmp(found->name, start->target_name) != 0)
        return mproc_error_set(MPROC_EBUILD, "there is no target %s at its place in the table",
                               start->target_name);
    *target = found;
    return APR_SUCCESS;
}

static apr_status_t check_token(const port_birth_t *birth, const mproc__start_t *start)
{
    if (strcmp(birth->token, start->token) != 0)
        return mproc_error_set(MPROC_EHANDSHAKE, "the start message is for another process");
    return APR_SUCCESS;
}

/* -- Becoming somebody ---------------------------------------------------------- */

apr_status_t mproc__introduce(const char *name, int is_daemon, apr_pool_t *mem)
{
    MPROC_TRY(mproc__process_create(&mproc__program.self, MPROC__SELF, mem));
    mproc__program.self->name = apr_pstrdup(mem, name);
    mproc__program.self->pid = port_pid();
    mproc__program.self->is_daemon = is_daemon;
    return APR_SUCCESS;
}

static apr_status_t introduce_parent(const port_birth_t *birth, const mproc__start_t *start,
                                     apr_pool_t *mem)
{
    mproc_process_t *parent;

    MPROC_TRY(mproc__process_create(&parent, MPROC__PARENT, mem));
    parent->name = apr_pstrdup(mem, start->parent_name);
    parent->pid = start->parent_pid;
    parent->port = birth->parent;
    parent->words = "";
    mproc__program.parent = parent;
    return APR_SUCCESS;
}

static apr_status_t become(const port_birth_t *birth, const mproc__start_t *start, apr_pool_t *mem)
{
    MPROC_TRY(mproc__introduce(start->name, start->is_daemon, mem));
    MPROC_TRY(introduce_parent(birth, start, mem));
    mproc__program.identity = apr_pstrdup(mem, start->identity);
    task.method = apr_pstrdup(mem, start->method);
    task.args = start->arguments;
    mproc__log_name(mproc__program.self->name);
    MPROC_TRY(mproc__context_inherit(start->context));
    if (start->ignores_interrupt)
        MPROC_TRY(port_interrupt_ignore());
    return APR_SUCCESS;
}

static apr_status_t agree_and_become(const port_birth_t *birth, const mproc__start_t *start,
                                     apr_pool_t *mem)
{
    MPROC_TRY(check_token(birth, start));
    MPROC_TRY(check_build(start));
    MPROC_TRY(find_target(&task.target, start));
    return become(birth, start, mem);
}

apr_status_t mproc__child_prepare(const char *mark, const mproc_target_t *targets,
                                  const char *const *argv, apr_pool_t *mem)
{
    mproc_values_t *values;
    port_birth_t birth;
    mproc__start_t start;

    MPROC_TRY(apr_pool_create(&task.mem, mem));
    values = mproc_values_create(task.mem);
    MPROC_TRY(be_born(&birth, mark, argv[0], mem));
    MPROC_TRY(mproc__program_set(targets, argv, mem));
    MPROC_TRY(read_start(&start, values));
    task.message = values->buffer.bytes;
    return agree_and_become(&birth, &start, mem);
}

apr_status_t mproc__child_begin_copy(const port_birth_t *birth, apr_pool_t *mem)
{
    if (control != NULL)
        port_channel_close(control);
    control = NULL;
    task.mem = NULL;
    last_report = (mproc__report_t){MPROC__EXITED, APR_SUCCESS, ""};
    return take_control(birth, mem);
}

apr_status_t mproc__child_prepare_copy(const port_birth_t *birth, mproc__buffer_t *message,
                                       apr_pool_t *mem)
{
    mproc_values_t *values;
    mproc__start_t start;

    MPROC_TRY(apr_pool_create(&task.mem, mem));
    values = mproc_values_create(task.mem);
    mproc__buffer_swap(&values->buffer, message);
    task.message = values->buffer.bytes;
    MPROC_TRY(mproc__start_decode(&start, values));
    MPROC_TRY(find_target(&task.target, &start));
    return become(birth, &start, mem);
}

apr_status_t mproc__child_prepare_served(const port_birth_t *birth, const port_handle_t *handles,
                                         size_t nhandles, apr_pool_t *mem)
{
    mproc_values_t *values;
    mproc__start_t start;

    MPROC_TRY(apr_pool_create(&task.mem, mem));
    values = mproc_values_create(task.mem);
    MPROC_TRY(read_start_of_copy(&start, values, handles, nhandles));
    task.message = values->buffer.bytes;
    return agree_and_become(birth, &start, mem);
}

/* -- The target ----------------------------------------------------------------- */

static void remember(apr_status_t status)
{
    last_report.outcome = MPROC__RETURNED;
    last_report.status = status;
    last_report.words =
        status == APR_SUCCESS ? "" : apr_pstrdup(mproc__program.mem, mproc__error_words(status));
}

void mproc__child_ready(void)
{
    say(MPROC__WORD_READY);
}

apr_status_t mproc__child_await_word(void)
{
    char word;

    mproc__child_ready();
    return read_exactly(&word, 1);
}

_Noreturn void mproc__child_work(void)
{
    apr_status_t rv;

    mproc__log(MPROC__LOG_INFO, "child process calling %s", task.target->name);
    rv = ((mproc_target_fn *)task.target->function)(&task);
    remember(rv);
    exit(mproc__child_exitcode());
}

int mproc__child_exitcode(void)
{
    return last_report.status == APR_SUCCESS ? 0 : 1;
}

void mproc__child_lost_code(void)
{
    if (last_report.outcome != MPROC__EXITED)
        return;
    last_report.outcome = MPROC__RETURNED;
    last_report.status = MPROC_ELOST;
    last_report.words = "the target called exit(), and this system does not tell a forked process "
                        "with which code: return a status instead";
}
