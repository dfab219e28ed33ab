/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A child that starts a child.
 */

#include "nested.h"

#include "claims.h"
#include "workers.h"

void start_nested(nested_t *nested, mproc_target_fn *target, apr_pool_t *mem)
{
    mproc_connection_t *line, *control;

    assert_success(mproc_pipe(&nested->line, &line, MPROC_DUPLEX, mem));
    assert_success(mproc_pipe(&nested->control, &control, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(&nested->parent, target, MPROC_PACK(line, control), NULL, mem));
    assert_success(mproc_connection_close(line));
    assert_success(mproc_connection_close(control));
    assert_string_equal(hear(nested->line, mem), "born");
    assert_string_equal(hear(nested->control, mem), "ready");
}

apr_status_t unpack_nesting(nesting_t *nesting, mproc_task_t *task)
{
    return MPROC_UNPACK(task, &nesting->line, &nesting->control);
}

apr_status_t nest(const nesting_t *nesting, mproc_target_fn *target, const mproc_process_options_t *options,
                  mproc_task_t *task)
{
    mproc_process_t *process;

    MPROC_TRY(mproc_process_start(&process, target, MPROC_PACK(nesting->line), options, mproc_task_mem(task)));
    MPROC_TRY(mproc_connection_close(nesting->line));
    return say(nesting->control, "ready");
}

apr_status_t nest_and_stay(mproc_task_t *task, mproc_target_fn *target, const mproc_process_options_t *options)
{
    nesting_t nesting;

    MPROC_TRY(unpack_nesting(&nesting, task));
    MPROC_TRY(nest(&nesting, target, options, task));
    return answer_on(nesting.control);
}

void assert_ends_with_its_parent(nested_t *nested, apr_pool_t *mem)
{
    apr_time_t killed = apr_time_now();

    assert_success(mproc_process_kill(nested->parent));
    assert_string_equal(hear(nested->line, mem), "(end)");
    print_message("    gone %d us after its parent was killed\n", (int)(apr_time_now() - killed));
    assert_ended(nested->parent, -9);
}
