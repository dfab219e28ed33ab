/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The supervisor: a thread that takes in what the workers say, keeps their number, and calls
 * callbacks.  It sleeps until something happens.
 */

#include "pool.h"
#include "result.h"

#include <mproc/status.h>

#include <apr_strings.h>

#include <stdio.h>

/* The progress function is called so often. */
#define PROGRESS_INTERVAL apr_time_from_msec(100)

/* Rounds in a row without a look whether workers have ended. */
#define ROUNDS_MAX 64

static _Thread_local const mproc_pool_t *supervised;

int mproc__pool_is_in_callback(const mproc_pool_t *workers)
{
    return supervised == workers;
}

/* -- What the engine tells --------------------------------------------------------------------- */

static mproc__work_t *work_of(mproc__parcel_t *parcel)
{
    return (mproc__work_t *)(void *)parcel;
}

static void on_ready(void *data, unsigned number)
{
    (void)number;
    mproc__upkeep_ready(data);
}

static void on_broken(void *data, unsigned number, apr_status_t status, const char *words)
{
    char text[120], sentence[1300];

    (void)number;
    snprintf(sentence, sizeof sentence, "the initializer failed: %s",
             words[0] != '\0' ? words : mproc_strerror(status, text, sizeof text));
    mproc__pool_break(data, status, sentence);
}

static void on_done(void *data, mproc__parcel_t *parcel, const mproc__reply_t *reply,
                    const void *payload)
{
    mproc_pool_t *workers = data;
    mproc__work_t *work = work_of(parcel);
    mproc__job_t *job = work->job;

    workers->outstanding--;
    workers->given_up = 0;
    if (job != NULL)
        job->kind->done(job, work, reply, payload);
    mproc__work_free(workers, work);
    if (job != NULL)
        mproc__job_look(job);
}

static void on_item_failed(void *data, mproc__parcel_t *parcel, apr_uint64_t item,
                           apr_status_t status, const char *words)
{
    mproc__job_t *job = work_of(parcel)->job;

    (void)data;
    if (job != NULL && job->kind->item_failed != NULL)
        job->kind->item_failed(job, item, status, words);
}

/* What a worker had that was ended for something else: it is done again, as if nothing had been. */
static apr_status_t verdict(const mproc_pool_t *workers, const mproc__work_t *work,
                            const mproc__ended_t *ended)
{
    if (work->verdict != APR_SUCCESS && work->verdict_item == ended->item)
        return work->verdict;
    return workers->is_killed[ended->number] ? APR_SUCCESS : MPROC_EWORKERDIED;
}

static void lose(mproc_pool_t *workers, mproc__work_t *work, const mproc__ended_t *ended)
{
    mproc__job_t *job = work->job;
    apr_status_t status = verdict(workers, work, ended);
    char words[400];

    workers->outstanding--;
    if (work->parcel.order.kind == MPROC__QUIT)
        workers->quitting--;
    if (job != NULL) {
        if (status == MPROC_EOVERTIME)
            snprintf(words, sizeof words, "it took longer than the pool's timeout of %.3f s",
                     (double)workers->options.timeout / 1e6);
        else
            snprintf(words, sizeof words, "the worker was lost: %s", ended->words);
        job->kind->lost(job, work, ended, status, words);
    }
    mproc__work_free(workers, work);
    if (job != NULL)
        mproc__job_look(job);
}

static void on_ended(void *data, const mproc__ended_t *ended)
{
    mproc_pool_t *workers = data;

    if (ended->parcel != NULL)
        lose(workers, work_of(ended->parcel), ended);
    mproc__upkeep_ended(workers, ended);
    workers->is_killed[ended->number] = 0;
}

/* Taken out of the queue by a worker that did not live to look at it. */
static void on_returned(void *data, mproc__parcel_t *parcel)
{
    mproc_pool_t *workers = data;
    mproc__work_t *work = work_of(parcel);

    workers->outstanding--;
    if (work->job != NULL) {
        mproc__work_add_again(work);
        return;
    }
    if (parcel->order.kind == MPROC__QUIT)
        workers->quitting--;
    mproc__work_free(workers, work);
}

static void on_damaged(void *data)
{
    mproc__pool_break(data, MPROC_ECORRUPT, "a worker has damaged what the pool shares with it");
}

static mproc__listener_t listener_of(mproc_pool_t *workers)
{
    mproc__listener_t listener = {on_ready, on_broken,   on_done,    on_item_failed,
                                  on_ended, on_returned, on_damaged, workers};

    return listener;
}

/* -- Callbacks ------------------------------------------------------------------------------------ */

/* Without the lock: they may call into the pool. */
static void call_back(mproc_pool_t *workers)
{
    while (workers->finished != NULL) {
        mproc__job_t *job = workers->finished;

        workers->finished = job->next_finished;
        if (workers->finished == NULL)
            workers->finished_end = &workers->finished;
        mproc__job_call_back(job);
        mproc__job_ready(job);
    }
}

/* That all is done is said once: when it has been heard of, and not when it is seen in the chunks. */
static apr_uint64_t count_done(const mproc_pool_t *workers)
{
    const mproc__job_t *job;
    apr_uint64_t done = workers->done;

    if (done == workers->total)
        return done;
    for (job = workers->jobs; job != NULL; job = job->next)
        done += job->kind->progress != NULL ? job->kind->progress(job) : 0;
    return done < workers->total ? done : workers->total - 1;
}

static void tell_progress(mproc_pool_t *workers)
{
    port_deadline_t now;
    mproc_progress_t progress;

    if (workers->options.progress == NULL || workers->total == 0)
        return;
    now = port_clock();
    if (workers->done == workers->total ? !workers->is_progress_due
                                        : workers->next_progress != PORT_NEVER &&
                                              now < workers->next_progress)
        return;
    progress = (mproc_progress_t){count_done(workers), workers->total, now - workers->began};
    workers->is_progress_due = 0;
    workers->next_progress =
        workers->done == workers->total ? PORT_NEVER : now + PROGRESS_INTERVAL;
    mproc__pool_unlock(workers);
    workers->options.progress(&progress, workers->options.progress_data);
    mproc__pool_lock(workers);
}

/* -- Its rounds -------------------------------------------------------------------------------------- */

static port_deadline_t next_round(const mproc_pool_t *workers)
{
    port_deadline_t deadline = mproc__upkeep_deadline(workers);

    if (workers->options.progress != NULL && workers->done < workers->total &&
        workers->next_progress < deadline)
        deadline = workers->next_progress;
    return deadline;
}

/* Until all has been said that there was, but for a look at those who say nothing any more. */
static port_deadline_t receive(mproc_pool_t *workers)
{
    mproc__listener_t listener = listener_of(workers);
    int rounds = 0;

    while (rounds++ < ROUNDS_MAX && mproc__engine_receive(workers->engine, &listener) > 0) {
        mproc__works_send(workers);
        call_back(workers);
    }
    return rounds > ROUNDS_MAX ? PORT_NOW : PORT_NEVER;
}

static void go_on(mproc_pool_t *workers)
{
    if (workers->state == MPROC__POOL_CLOSED && workers->jobs == NULL) {
        workers->state = MPROC__POOL_DISMISSING;
        mproc__engine_dismiss(workers->engine);
    }
    if (workers->state == MPROC__POOL_DISMISSING && workers->living == 0)
        workers->state = MPROC__POOL_TERMINATED;
    mproc__upkeep(workers);
    mproc__upkeep_time(workers);
    mproc__works_send(workers);
    call_back(workers);
    tell_progress(workers);
}

/* Whether there is another. */
static int make_round(mproc_pool_t *workers)
{
    port_deadline_t deadline, at_once;

    mproc__pool_lock(workers);
    at_once = receive(workers);
    go_on(workers);
    if (workers->state == MPROC__POOL_TERMINATED) {
        mproc__pool_unlock(workers);
        return 0;
    }
    deadline = next_round(workers);
    mproc__pool_unlock(workers);
    mproc__engine_wait(workers->engine, at_once == PORT_NOW ? PORT_NOW : deadline);
    return 1;
}

/* A callback that is called now may still ask for something. */
static void end(mproc_pool_t *workers)
{
    mproc__listener_t listener = listener_of(workers);

    mproc__engine_stop(workers->engine);
    mproc__pool_lock(workers);
    mproc__engine_return_all(workers->engine, &listener);
    mproc__engine_close(workers->engine);
    workers->living = 0;
    call_back(workers);
    tell_progress(workers);
    workers->state = MPROC__POOL_ENDED;
    mproc__pool_wake(workers);
    mproc__pool_unlock(workers);
}

/*
 * The program's signal handlers are for the program's own threads.  Returns, as AddressSanitizer does
 * not follow apr_thread_exit() out of a function.
 */
void *APR_THREAD_FUNC mproc__pool_supervise(apr_thread_t *thread, void *data)
{
    mproc_pool_t *workers = data;

    (void)thread;
    port_signals_hold();
    supervised = workers;
    while (make_round(workers))
        continue;
    end(workers);
    return NULL;
}
