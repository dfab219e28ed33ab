/* SPDX-License-Identifier: Apache-2.0 */

/*
 * As many workers as there should be, and none that takes too long.
 */

#include "pool.h"

#include <mproc/status.h>

#include <apr_strings.h>

/* Workers in a row that could not be started, or died before their initializer was done. */
#define FAILURES_MAX 3

/* The same where there is no initializer: then it is somebody else who kills them. */
#define KILLED_MAX 100

/* How long to wait after one that could not be started, or whose initializer was not done. */
#define PAUSE apr_time_from_msec(100)

void mproc__pool_break(mproc_pool_t *workers, apr_status_t status, const char *words)
{
    if (workers->broken != APR_SUCCESS || workers->state >= MPROC__POOL_TERMINATED)
        return;
    workers->broken = status;
    workers->broken_words = apr_pstrdup(workers->mem, words);
    workers->state = MPROC__POOL_TERMINATED;
    mproc__jobs_fail(workers, status, workers->broken_words);
}

/* -- Their number -------------------------------------------------------------------------------- */

static void count_failure(mproc_pool_t *workers, unsigned most, apr_status_t status,
                          const char *words)
{
    if (++workers->failures >= most)
        mproc__pool_break(workers, status, words);
}

static int is_death(apr_status_t status)
{
    return status == MPROC_EDIED || status == MPROC_EEXIT || status == MPROC_EHANDSHAKE ||
           status == MPROC_ELOST || status == APR_SUCCESS;
}

/*
 * One that was started and died before it was ready is as bad as one that could not be started.
 * But where others are ready it need not be the program that is at fault.
 */
static void count_death(mproc_pool_t *workers, const mproc__ended_t *ended)
{
    int is_killed = is_death(ended->status), is_plain = workers->options.initializer == NULL;

    if (workers->ready == 0)
        count_failure(workers, is_killed && is_plain ? KILLED_MAX : FAILURES_MAX,
                      is_killed ? MPROC_EWORKERDIED : ended->status, ended->words);
    else if (!is_plain)
        workers->next_start = port_clock() + PAUSE;
}

/* One that cannot have the memory for what it is to do gives up, and so would the next, for ever. */
static void count_given_up(mproc_pool_t *workers, const mproc__ended_t *ended)
{
    if (!is_death(ended->status) && ++workers->given_up >= FAILURES_MAX)
        mproc__pool_break(workers, ended->status, ended->words);
}

void mproc__upkeep_ended(mproc_pool_t *workers, const mproc__ended_t *ended)
{
    workers->living--;
    if (ended->was_ready) {
        workers->ready--;
        count_given_up(workers, ended);
    } else if (workers->state < MPROC__POOL_DISMISSING && !workers->is_killed[ended->number]) {
        count_death(workers, ended);
    }
}

void mproc__upkeep_ready(mproc_pool_t *workers)
{
    workers->ready++;
    workers->failures = 0;
    workers->next_start = PORT_NOW;
}

/* Those who have not been told to end; who has may have died before hearing it. */
static unsigned count_staying(const mproc_pool_t *workers)
{
    return workers->living > workers->quitting ? workers->living - workers->quitting : 0;
}

/* As many as have something to do, where idle ones end; else all. */
static unsigned needed(const mproc_pool_t *workers)
{
    size_t busy = mproc__works_count(workers);
    unsigned least = workers->options.min_workers;

    if (workers->options.idle_timeout == 0 || busy >= workers->wanted || least >= workers->wanted)
        return workers->wanted;
    return busy > least ? (unsigned)busy : least;
}

/* Without the lock, as it takes a while. */
static void start_one(mproc_pool_t *workers)
{
    unsigned number = mproc__engine_reserve(workers->engine);
    apr_status_t rv;

    workers->living++;
    mproc__pool_unlock(workers);
    rv = mproc__engine_start(workers->engine, number);
    mproc__pool_lock(workers);
    if (rv == APR_SUCCESS) {
        mproc__engine_admit(workers->engine, number);
        if (workers->is_killed[number]) /* it was at work already, at something cancelled since */
            mproc__engine_kill(workers->engine, number);
        return;
    }
    workers->living--;
    workers->next_start = port_clock() + PAUSE;
    if (workers->ready == 0) /* else the others go on, and it is tried again in a while */
        count_failure(workers, FAILURES_MAX, rv, mproc_error_message());
}

static void end_one(mproc_pool_t *workers)
{
    mproc__work_t *work = mproc__work_create(NULL, MPROC__QUIT, 0);

    if (work == NULL)
        return;
    if (!mproc__engine_send(workers->engine, &work->parcel)) {
        mproc__work_free(workers, work);
        return;
    }
    workers->outstanding++;
    workers->quitting++;
}

/* So many should go in an idle moment. */
static unsigned idle_surplus(mproc_pool_t *workers)
{
    size_t busy = workers->crowd;
    unsigned least = workers->options.min_workers;

    if (workers->options.idle_timeout == 0 || port_clock() < workers->next_idle)
        return 0;
    workers->next_idle = port_clock() + workers->options.idle_timeout;
    workers->crowd = mproc__works_count(workers);
    if (busy < least)
        busy = least;
    return busy < workers->living ? workers->living - (unsigned)busy : 0;
}

static unsigned surplus(mproc_pool_t *workers)
{
    unsigned idle = idle_surplus(workers);
    unsigned more = workers->living > workers->wanted ? workers->living - workers->wanted : 0;

    more = idle > more ? idle : more;
    return more > workers->quitting ? more - workers->quitting : 0;
}

/* Those who were to quit may have died, and then others will take their orders to. */
static int lacks_some(const mproc_pool_t *workers)
{
    return workers->living < MPROC_WORKERS_MAX && count_staying(workers) < needed(workers);
}

static int is_to_start(const mproc_pool_t *workers)
{
    return workers->state < MPROC__POOL_DISMISSING && lacks_some(workers) &&
           port_clock() >= workers->next_start;
}

void mproc__upkeep(mproc_pool_t *workers)
{
    unsigned more;

    if (workers->next_idle == PORT_NEVER && workers->options.idle_timeout > 0)
        workers->next_idle = port_clock() + workers->options.idle_timeout;
    while (is_to_start(workers))
        start_one(workers);
    if (workers->state >= MPROC__POOL_DISMISSING)
        return;
    for (more = surplus(workers); more > 0; more--)
        end_one(workers);
}

/* -- Time -------------------------------------------------------------------------------------------- */

static void end_overdue(mproc_pool_t *workers, unsigned number, mproc__work_t *work,
                        apr_uint64_t item)
{
    if (workers->is_killed[number])
        return;
    work->verdict = MPROC_EOVERTIME;
    work->verdict_item = item;
    workers->is_killed[number] = 1;
    mproc__engine_kill(workers->engine, number);
}

void mproc__upkeep_time(mproc_pool_t *workers)
{
    port_deadline_t now, began;
    mproc__parcel_t *parcel;
    apr_uint64_t item;
    unsigned i;

    if (workers->options.timeout == 0 || workers->outstanding == 0)
        return;
    now = port_clock();
    for (i = 1; i <= mproc__engine_most(workers->engine); i++) {
        began = mproc__engine_began(workers->engine, i, &parcel, &item);
        if (began != 0 && now - began >= workers->options.timeout)
            end_overdue(workers, i, (mproc__work_t *)(void *)parcel, item);
    }
}

/* What begins after this look is not overdue before the timeout has passed once more. */
static port_deadline_t next_overdue(const mproc_pool_t *workers)
{
    port_deadline_t began, first;
    mproc__parcel_t *parcel;
    apr_uint64_t item;
    unsigned i;

    if (workers->options.timeout == 0 || workers->outstanding == 0)
        return PORT_NEVER;
    first = port_clock();
    for (i = 1; i <= mproc__engine_most(workers->engine); i++) {
        began = mproc__engine_began(workers->engine, i, &parcel, &item);
        if (began != 0 && began < first && !workers->is_killed[i])
            first = began;
    }
    return first + workers->options.timeout;
}

port_deadline_t mproc__upkeep_deadline(const mproc_pool_t *workers)
{
    port_deadline_t deadline = next_overdue(workers);

    if (workers->state >= MPROC__POOL_DISMISSING)
        return deadline;
    if (workers->next_idle < deadline && workers->living > workers->options.min_workers)
        deadline = workers->next_idle;
    if (lacks_some(workers) && workers->next_start < deadline)
        deadline = workers->next_start;
    return deadline;
}
