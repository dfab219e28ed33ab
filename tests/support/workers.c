/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Children that many tests use, and talking to them.
 */

#include "workers.h"

#include "claims.h"

#include <apr_strings.h>

#include <string.h>

#define WORD_MAX 256

apr_status_t say(mproc_connection_t *connection, const char *word)
{
    return mproc_connection_send_bytes(connection, word, strlen(word), PATIENCE);
}

const char *hear(mproc_connection_t *connection, apr_pool_t *mem)
{
    char word[WORD_MAX];
    size_t size;
    apr_status_t rv = mproc_connection_recv_bytes(connection, word, sizeof word, &size, PATIENCE);

    if (rv == APR_SUCCESS)
        return apr_pstrmemdup(mem, word, size);
    if (APR_STATUS_IS_EOF(rv))
        return "(end)";
    if (APR_STATUS_IS_TIMEUP(rv))
        return "(late)";
    return rv == MPROC_ETORN ? "(torn)" : "(failed)";
}

apr_status_t answer_on(mproc_connection_t *line)
{
    char word[WORD_MAX];
    size_t size;
    apr_status_t rv;

    for (;;) {
        rv = mproc_connection_recv_bytes(line, word, sizeof word, &size, MPROC_FOREVER);
        if (APR_STATUS_IS_EOF(rv) || (rv == APR_SUCCESS && size == 5 && memcmp(word, "leave", 5) == 0))
            return APR_SUCCESS;
        MPROC_TRY(rv);
        MPROC_TRY(mproc_connection_send_bytes(line, word, size, PATIENCE));
    }
}

apr_status_t succeed(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

apr_status_t answer(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    return answer_on(line);
}

apr_status_t compute(mproc_task_t *task)
{
    mproc_connection_t *line;
    volatile unsigned number = 0;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    for (;;)
        number++;
}

const mproc_target_t worker_targets[] = {MPROC_TARGET(succeed), MPROC_TARGET(answer), MPROC_TARGET(compute),
                                         MPROC_TARGETS_END};

void start_born(mproc_process_t **process, mproc_connection_t **line, mproc_target_fn *target,
                const mproc_process_options_t *options, apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, target, MPROC_PACK(there), options, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "born");
}

void start_holder(mproc_process_t **process, mproc_connection_t **line, mproc_target_fn *target,
                  mproc_value_t object, int number, apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(
        mproc_process_start(process, target, MPROC_PACK(there, object, number), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "holds");
}

void kill_child(mproc_process_t *process)
{
    assert_success(mproc_process_kill(process));
    assert_ended(process, -9);
}

apr_status_t status_of(mproc_process_t **process, mproc_target_fn *target, const mproc_pack_t *args,
                       const mproc_process_options_t *options, apr_pool_t *mem)
{
    assert_success(mproc_process_start(process, target, args, options, mem));
    assert_success(mproc_process_join(*process, PATIENCE));
    return mproc_process_status(*process);
}

void assert_ended(mproc_process_t *process, apr_int64_t exitcode)
{
    apr_int64_t found = 12345678;

    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_process_exitcode(process, &found));
    assert_int_equal(found, exitcode);
}
