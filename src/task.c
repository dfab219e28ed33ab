/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a target can ask of its task, and give it.
 */

#include "task.h"

#include "values.h"

#include <mproc/status.h>

apr_pool_t *mproc_task_mem(mproc_task_t *task)
{
    task->is_mem_used = 1;
    return task->mem;
}

const char *mproc_task_target(const mproc_task_t *task)
{
    return task->target->name;
}

const char *mproc_task_start_method(const mproc_task_t *task)
{
    return task->method;
}

mproc_values_t *mproc_task_args(mproc_task_t *task)
{
    return task->args;
}

int mproc_task_is_overdue(const mproc_task_t *task)
{
    return task != NULL && task->overdue != PORT_NEVER && port_clock() >= task->overdue;
}

apr_status_t mproc_task_return(mproc_task_t *task, const mproc_pack_t *values)
{
    if (task == NULL)
        return mproc_error_set(APR_EINVAL, "the task is NULL");
    if (task->target->kind != MPROC_KIND_TASK)
        return mproc_error_set(APR_EINVAL, "%s is an item function: it fills its result",
                               task->target->name);
    if (task->returned == NULL)
        return APR_SUCCESS;
    task->returned->size = 0;
    return mproc__pack_encode(task->returned, NULL, values);
}
