/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting a child, as a list of steps: check; make the object, the control
 * channel and the start message; launch, in the start method's own way; say what
 * to do; hand back the process.
 */

#include "belongings.h"
#include "children.h"
#include "deadline.h"
#include "ending.h"
#include "forks.h"
#include "log.h"
#include "program.h"
#include "starting.h"
#include "targets.h"

#include <mproc/status.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

/* -- Checks ------------------------------------------------------------------- */

static apr_status_t refuse_target(const char *what)
{
    return mproc_error_set(
        MPROC_ETARGET,
        "%s; add it to the table given to mproc_init:\n"
        "    static const mproc_target_t targets[] = { MPROC_TARGET(your_function), "
        "MPROC_TARGETS_END };",
        what);
}

static apr_status_t check_target(mproc__starting_t *starting, mproc_target_fn *target)
{
    if (target == NULL)
        return refuse_target("the target is NULL");
    starting->target = mproc__targets_find(mproc__program.targets, MPROC_KIND_TASK,
                                           (void (*)(void))target, &starting->target_number);
    return starting->target != NULL ? APR_SUCCESS
                                    : refuse_target("the target is not in the table of targets");
}

static apr_status_t check_environment(const char *const *changes)
{
    for (; changes != NULL && *changes != NULL; changes++)
        if ((*changes)[0] == '\0' || (*changes)[0] == '=')
            return mproc_error_set(APR_EINVAL,
                                   "the environment has an entry without a name: \"%s\"", *changes);
    return APR_SUCCESS;
}

static apr_status_t check_options(const mproc_process_options_t *options)
{
    if (options->size != sizeof *options)
        return mproc_error_set(APR_EINVAL, "the options were not set by MPROC_PROCESS_OPTIONS");
    if (options->name != NULL && options->name[0] == '\0')
        return mproc_error_set(APR_EINVAL, "the name of the process is empty");
    if (options->working_directory != NULL && options->working_directory[0] == '\0')
        return mproc_error_set(APR_EINVAL, "the working directory is empty");
    if (options->daemon && options->detached)
        return mproc_error_set(APR_EINVAL,
                               "a daemonic process ends with its parent, a detached one does not: "
                               "choose one");
    return check_environment(options->environment);
}

static apr_status_t check(mproc__starting_t *starting, mproc_process_t **process,
                          mproc_target_fn *target, const mproc_process_options_t *options,
                          const apr_pool_t *mem)
{
    static const mproc_process_options_t by_default = MPROC_PROCESS_OPTIONS;

    MPROC_TRY(mproc__program_check());
    if (process == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the process or its memory is NULL");
    if (mproc__program.self->is_daemon)
        return mproc_error_set(MPROC_EDAEMON,
                               "daemonic processes are not allowed to have children");
    starting->options = options != NULL ? options : &by_default;
    MPROC_TRY(check_options(starting->options));
    MPROC_TRY(mproc__context_find(&starting->method, starting->options->start_method));
    return check_target(starting, target);
}

apr_status_t mproc__starting_failed(const mproc__starting_t *starting, apr_status_t rv,
                                    const char *doing)
{
    char text[120];

    return mproc_error_set(rv, "cannot start %s: %s: %s", starting->process->name, doing,
                           mproc_strerror(rv, text, sizeof text));
}

apr_status_t mproc__starting_failed_at(const mproc__starting_t *starting, apr_status_t rv,
                                       port_stage_t stage, const char *executable)
{
    const char *doing = "passing its handles", *object = "";

    if (stage == PORT_STAGE_FOLDER) {
        doing = "going to the working directory ";
        object = starting->options->working_directory;
    } else if (stage == PORT_STAGE_PROGRAM) {
        doing = "running ";
        object = executable;
    } else if (stage == PORT_STAGE_FORK) {
        doing = "copying this process";
    }
    return mproc__starting_failed(starting, rv,
                                  apr_pstrcat(starting->process->mem, doing, object, NULL));
}

/* -- Making ------------------------------------------------------------------- */

static void name_process(mproc__starting_t *starting)
{
    unsigned number =
        atomic_fetch_add_explicit(&mproc__program.children, 1, memory_order_relaxed) + 1;
    mproc_process_t *process = starting->process;
    const char *parent = mproc__program.identity;

    starting->identity =
        apr_psprintf(process->mem, "%s%s%u", parent, parent[0] != '\0' ? ":" : "", number);
    process->name = starting->options->name != NULL
                        ? apr_pstrdup(process->mem, starting->options->name)
                        : apr_pstrcat(process->mem, "Process-", starting->identity, NULL);
    process->number = number;
    process->is_daemon = starting->options->daemon != 0;
    process->is_detached = starting->options->detached != 0;
}

/*
 * A detached child may outlive the memory of whoever started it; its object then lives on in the
 * program's.
 */
static apr_status_t make_process(mproc__starting_t *starting, apr_pool_t *mem)
{
    apr_pool_t *own;
    apr_status_t rv = apr_pool_create(&own, starting->options->detached ? mproc__program.mem : mem);

    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "no memory for a process");
    rv = mproc__process_create(&starting->process, MPROC__CHILD, own);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        return mproc_error_set(rv, "no memory for a process");
    }
    starting->process->target = starting->target->name;
    return APR_SUCCESS;
}

static apr_status_t make_token(mproc__starting_t *starting)
{
    unsigned char random[MPROC__TOKEN_LENGTH / 2];
    char *token = apr_palloc(starting->process->mem, MPROC__TOKEN_LENGTH + 1);
    size_t i;
    apr_status_t rv = apr_generate_random_bytes(random, sizeof random);

    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "the system gives no random bytes");
    for (i = 0; i < sizeof random; i++)
        snprintf(token + 2 * i, 3, "%02x", (unsigned)random[i]);
    starting->token = token;
    return APR_SUCCESS;
}

static apr_status_t make_control(mproc__starting_t *starting)
{
    apr_status_t rv = port_channel_pair(&starting->here, &starting->there, PORT_READ | PORT_WRITE,
                                        starting->process->mem);

    return rv == APR_SUCCESS ? rv
                             : mproc__starting_failed(starting, rv, "making its control channel");
}

static void close_control(mproc__starting_t *starting)
{
    if (starting->here != NULL)
        port_channel_close(starting->here);
    if (starting->there != NULL)
        port_channel_close(starting->there);
    starting->here = starting->there = NULL;
}

static apr_status_t make_message(mproc__starting_t *starting, const mproc_pack_t *args)
{
    mproc__start_t start = {
        .token = starting->token,
        .build_id = {mproc__program.build_id, sizeof mproc__program.build_id},
        .fingerprint = mproc__program.fingerprint,
        .target = starting->target_number,
        .target_name = starting->target->name,
        .name = starting->process->name,
        .identity = starting->identity,
        .parent_name = mproc__program.self->name,
        .parent_pid = mproc__program.self->pid,
        .is_daemon = starting->process->is_daemon,
        .ignores_interrupt = starting->options->ignore_interrupt != 0,
        .method = starting->method->name,
        .context = mproc__context_chosen(),
        .args = args,
    };

    return mproc__start_encode(&starting->message, &starting->handles, &start);
}

/* -- Launching ---------------------------------------------------------------- */

port_handle_t *mproc__starting_handles(const mproc__starting_t *starting, size_t *count)
{
    const mproc__handles_t *of_arguments = &starting->handles;
    port_handle_t *handles;

    *count = of_arguments->count + 1;
    handles = apr_palloc(starting->process->mem, 2 * *count * sizeof *handles);
    handles[0] = port_channel_handle(starting->there);
    memcpy(handles + 1, of_arguments->handles, of_arguments->count * sizeof *handles);
    return handles;
}

apr_status_t mproc__starting_environment(const mproc__starting_t *starting,
                                         const char *const **environment, apr_pool_t *mem)
{
    apr_status_t rv = APR_SUCCESS;

    *environment = NULL;
    if (starting->options->environment != NULL)
        rv = port_environment_merge(environment, starting->options->environment, mem);
    return rv == APR_SUCCESS ? rv
                             : mproc__starting_failed(starting, rv, "changing its environment");
}

void mproc__starting_take(mproc__starting_t *starting)
{
    mproc_process_t *process = starting->process;

    process->pid = port_process_pid(process->port);
    process->control = starting->control = starting->here;
    process->is_being_told = 1;
    starting->here = NULL;
    port_channel_close(starting->there);
    starting->there = NULL;
}

/* Others may have it, too: it goes on the list of children. */
static void add_child(const mproc__starting_t *starting)
{
    const mproc_process_t *process = starting->process;

    mproc__children_add(starting->process);
    mproc__log(MPROC__LOG_DEBUG, "started %s by %s, pid %lld", process->name,
               starting->method->name, (long long)process->pid);
}

/* While forks are held. */
static apr_status_t launch(mproc__starting_t *starting, const mproc_pack_t *args)
{
    apr_status_t rv;

    mproc__belongings_lock();
    mproc__belongings_begin_closing();
    mproc__belongings_unlock();
    rv = make_control(starting);
    if (rv == APR_SUCCESS)
        rv = make_message(starting, args);
    if (rv == APR_SUCCESS)
        rv = starting->method->launch(starting);
    if (rv != APR_SUCCESS)
        close_control(starting);
    mproc__belongings_lock();
    mproc__belongings_end_closing();
    mproc__belongings_unlock();
    return rv;
}

/* No fork in another thread comes between making what only the child may have and giving it. */
static apr_status_t launch_prepared(mproc__starting_t *starting, const mproc_pack_t *args)
{
    apr_status_t rv;

    starting->method->hold();
    rv = launch(starting, args);
    if (rv == APR_SUCCESS)
        add_child(starting);
    mproc__forks_end();
    return rv;
}

/* Of a launch that is to be tried again. */
static void forget_message(mproc__starting_t *starting)
{
    mproc__buffer_free(&starting->message);
    starting->handles.count = 0;
}

static apr_status_t launch_child(mproc__starting_t *starting, const mproc_pack_t *args)
{
    apr_status_t rv;

    do {
        forget_message(starting);
        starting->method->flush();
        MPROC_TRY(starting->method->prepare(starting));
        starting->is_unprepared = 0;
        rv = launch_prepared(starting, args);
    } while (starting->is_unprepared);
    return rv;
}

void mproc__starting_abort(const mproc__starting_t *starting)
{
    mproc__process_told(starting->process);
    mproc__process_force(starting->process);
}

static apr_status_t tell(const mproc__starting_t *starting)
{
    apr_status_t rv = starting->method->tell(starting);

    mproc__process_told(starting->process);
    return rv;
}

/* -- Keeping it, or giving up -------------------------------------------------- */

static void give_up(mproc__starting_t *starting)
{
    if (starting->process != NULL) {
        mproc__children_remove(starting->process);
        apr_pool_destroy(starting->process->mem);
    }
}

static apr_status_t start(mproc__starting_t *starting, const mproc_pack_t *args, apr_pool_t *mem)
{
    MPROC_TRY(make_process(starting, mem));
    name_process(starting);
    MPROC_TRY(make_token(starting));
    MPROC_TRY(launch_child(starting, args));
    return tell(starting);
}

apr_status_t(mproc_process_start)(mproc_process_t **process, mproc_target_fn *target,
                                  const mproc_pack_t *args, const mproc_process_options_t *options,
                                  apr_pool_t *mem)
{
    mproc__starting_t starting = {0};
    apr_status_t rv;

    MPROC_TRY(check(&starting, process, target, options, mem));
    mproc__children_reap_at_start();
    rv = start(&starting, args, mem);
    mproc__buffer_free(&starting.message);
    if (rv != APR_SUCCESS) {
        give_up(&starting);
        return rv;
    }
    mproc__process_own(starting.process, mem);
    *process = starting.process;
    return APR_SUCCESS;
}

/* -- The library's own --------------------------------------------------------- */

static apr_status_t start_own(mproc__starting_t *starting, mproc_target_fn *target,
                              const char *name, const mproc_pack_t *args, apr_pool_t *mem)
{
    MPROC_TRY(mproc__context_find(&starting->method, MPROC_SPAWN));
    MPROC_TRY(check_target(starting, target));
    MPROC_TRY(make_process(starting, mem));
    starting->process->name = name;
    starting->identity = "";
    MPROC_TRY(make_token(starting));
    MPROC_TRY(launch(starting, args));
    return tell(starting);
}

apr_status_t mproc__start_own(mproc_process_t **process, mproc_target_fn *target, const char *name,
                              const char *const *environment, const mproc_pack_t *args,
                              apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc__starting_t starting = {.options = &options};
    apr_status_t rv;

    options.ignore_interrupt = 1;
    options.environment = environment;
    rv = start_own(&starting, target, name, args, mem);
    mproc__buffer_free(&starting.message);
    if (rv == APR_SUCCESS)
        *process = starting.process;
    else if (starting.process != NULL)
        apr_pool_destroy(starting.process->mem);
    return rv;
}
