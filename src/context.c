/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Start methods: the table of them, and the program's choice.
 */

#include "context.h"

#include "forks.h"
#include "port_forkserver.h"
#include "program.h"
#include "starting.h"

#include <mproc/status.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const char *no_refusal(void)
{
    return NULL;
}

static apr_status_t prepare_nothing(mproc__starting_t *starting)
{
    (void)starting;
    return APR_SUCCESS;
}

static void flush_output(void)
{
    fflush(stdout);
    fflush(stderr);
}

/* The default first. */
static const mproc__method_t methods[] = {
    {MPROC_SPAWN, no_refusal, flush_output, prepare_nothing, mproc__forks_hold,
     mproc__launch_by_spawn, mproc__tell_by_spawn},
    {MPROC_FORK, port_fork_refusal, port_fork_flush, prepare_nothing, mproc__forks_begin,
     mproc__launch_by_fork, mproc__tell_by_fork},
    {MPROC_FORKSERVER, port_forkserver_refusal, flush_output, mproc__prepare_by_forkserver,
     mproc__forks_hold, mproc__launch_by_forkserver, mproc__tell_by_spawn},
};

enum { METHODS = sizeof methods / sizeof methods[0] };

static const mproc__method_t *by_default = &methods[0]; /* or the environment's */
static _Atomic(const mproc__method_t *) chosen;         /* NULL until somebody chooses */

const char *const *mproc_get_all_start_methods(void)
{
    static const char *const names[][METHODS + 1] = {
        {MPROC_SPAWN},
        {MPROC_SPAWN, MPROC_FORK},
        {MPROC_SPAWN, MPROC_FORKSERVER},
        {MPROC_SPAWN, MPROC_FORK, MPROC_FORKSERVER},
    };

    return names[(port_fork_refusal() == NULL) + 2 * (port_forkserver_refusal() == NULL)];
}

/* -- Finding one --------------------------------------------------------------- */

static apr_status_t refuse_unknown(const char *name)
{
    return mproc_error_set(APR_EINVAL, "cannot find a start method \"%s\": there are %s, %s and %s",
                           name, MPROC_SPAWN, MPROC_FORK, MPROC_FORKSERVER);
}

static apr_status_t find(const mproc__method_t **method, const char *name)
{
    size_t i;

    for (i = 0; i < METHODS; i++) {
        if (strcmp(methods[i].name, name) == 0) {
            *method = &methods[i];
            return APR_SUCCESS;
        }
    }
    return refuse_unknown(name);
}

static apr_status_t check(const mproc__method_t *method)
{
    const char *refusal = method->refusal();

    return refusal == NULL
               ? APR_SUCCESS
               : mproc_error_set(APR_ENOTIMPL, "the start method %s: %s", method->name, refusal);
}

/* Using the default sets it. */
static const mproc__method_t *current(void)
{
    const mproc__method_t *none = NULL;

    return atomic_compare_exchange_strong(&chosen, &none, by_default) ? by_default : none;
}

apr_status_t mproc__context_find(const mproc__method_t **method, const char *name)
{
    const mproc__method_t *found = NULL;

    if (name != NULL)
        MPROC_TRY(find(&found, name));
    else
        found = current();
    MPROC_TRY(check(found));
    *method = found;
    return APR_SUCCESS;
}

/* -- Choosing one -------------------------------------------------------------- */

/* That this system may not have it is said by the first start that would use it. */
apr_status_t mproc__context_set(apr_pool_t *mem)
{
    const char *name;

    by_default = &methods[0];
    MPROC_TRY(port_environment_get(&name, "MPROC_START_METHOD", mem));
    return name != NULL && name[0] != '\0' ? find(&by_default, name) : APR_SUCCESS;
}

apr_status_t mproc__context_inherit(const char *name)
{
    const mproc__method_t *method = NULL;

    if (name[0] != '\0')
        MPROC_TRY(find(&method, name));
    atomic_store(&chosen, method);
    return APR_SUCCESS;
}

const char *mproc__context_chosen(void)
{
    const mproc__method_t *method = atomic_load(&chosen);

    return method != NULL ? method->name : "";
}

apr_status_t mproc_set_start_method(const char *name, int force)
{
    const mproc__method_t *method = NULL, *none = NULL;

    MPROC_TRY(mproc__program_check());
    if (name == NULL && !force)
        return mproc_error_set(APR_EINVAL, "no start method was named; NULL needs `force`");
    if (name != NULL) {
        MPROC_TRY(find(&method, name));
        MPROC_TRY(check(method));
    }
    if (force)
        atomic_store(&chosen, method);
    else if (!atomic_compare_exchange_strong(&chosen, &none, method))
        return mproc_error_set(MPROC_ECONTEXT, "the start method has already been set, to %s",
                               none->name);
    return APR_SUCCESS;
}

const char *mproc_get_start_method(int allow_none)
{
    const mproc__method_t *method = atomic_load(&chosen);

    if (mproc__program_check() != APR_SUCCESS)
        return NULL;
    if (method == NULL && !allow_none)
        method = current();
    return method != NULL ? method->name : NULL;
}
