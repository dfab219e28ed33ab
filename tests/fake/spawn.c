/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting a process: a record of what it was given, for the test to play it; and
 * being one that was started.
 */

#include "internal.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

/* What port_spawn() can fail at, one after the other. */
static apr_status_t go_through_stages(port_stage_t *stage)
{
    *stage = PORT_STAGE_HANDLES;
    MPROC_TRY(fake_call_in("port_spawn"));
    *stage = PORT_STAGE_FOLDER;
    MPROC_TRY(fake_call_in("port_spawn"));
    *stage = PORT_STAGE_PROGRAM;
    return fake_call_in("port_spawn");
}

apr_status_t port_spawn(port_process_t **process, port_handle_t *child_handles,
                        const port_spawn_t *request, port_stage_t *stage, apr_pool_t *mem)
{
    fake_child_t *child;

    assert_true(request->nhandles > 0);
    assert_non_null(request->executable);
    assert_non_null(request->arguments[0]);
    MPROC_TRY(go_through_stages(stage));
    child = fake_child_begin(request->handles, request->nhandles);
    child->is_detached = request->is_detached;
    apr_cpystrn(child->token, request->token, sizeof child->token);
    memcpy(child_handles, child->handles, request->nhandles * sizeof *child_handles);
    *process = fake_process_open(child, mem);
    return APR_SUCCESS;
}

const char *fake_mark(const char *token, const port_channel_t *end, apr_pool_t *mem)
{
    port_handle_t copy = fake_handle_copy(port_channel_handle(end));

    return apr_psprintf(mem, "%s%d:%s", PORT_CHILD_MARK, (int)copy, token);
}

apr_status_t port_birth(port_birth_t *birth, const char *mark, const char *argv0, apr_pool_t *mem)
{
    char *rest;
    long control = strtol(mark, &rest, 10);

    (void)argv0;
    MPROC_TRY(fake_call());
    if (*rest != ':' || fake_handle_end(control) == NULL)
        return APR_EINVAL;
    birth->token = apr_pstrdup(mem, rest + 1);
    birth->control = control;
    birth->parent = fake_process_open(NULL, mem);
    return APR_SUCCESS;
}
