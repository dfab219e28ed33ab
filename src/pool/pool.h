/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POOL_POOL_H
#define MPROC_POOL_POOL_H

/*
 * The pool, between its own files: jobs, which somebody has asked for and waits for; and works,
 * the pieces of jobs that go to a worker and come back.
 *
 * All of it is under the pool's lock.  Waiting, copying arrays, starting processes and calling the
 * user are done without it.
 */

#include "buffer.h"
#include "engine.h"

#include <mproc/pool.h>

#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

typedef struct mproc__job_t mproc__job_t;

/* Arrays in memory that workers share; gone when nobody uses them any more. */
typedef struct mproc__arrays_t {
    unsigned users;
    mproc__memory_t *memories[3]; /* or NULL */
} mproc__arrays_t;

typedef struct mproc__work_t {
    mproc__parcel_t parcel;             /* first of all */
    struct mproc__work_t *next, *previous; /* in the backlog */
    struct mproc__work_t *next_of_job, *previous_of_job;
    mproc__job_t *job;         /* NULL: nobody waits for it */
    size_t index;              /* of the call in its job */
    void *of_job;              /* what the job wants to find with it */
    apr_uint32_t attempts;     /* how often a worker has died with it, or with its only item */
    apr_status_t verdict;      /* why its worker is ended, or APR_SUCCESS */
    apr_uint64_t verdict_item; /* for which item */
    mproc__arrays_t *arrays;   /* it uses, or NULL */
    unsigned char payload[];
} mproc__work_t;

/* What jobs of a kind do; each under the lock. */
typedef struct mproc__job_kind_t {
    /* A work has come back. */
    void (*done)(mproc__job_t *job, mproc__work_t *work, const mproc__reply_t *reply,
                 const void *payload);
    /* An item of a work that goes on has failed; NULL for those without items. */
    void (*item_failed)(mproc__job_t *job, apr_uint64_t item, apr_status_t status,
                        const char *words);
    /* A worker has ended with it: what is left of it is to be added again, or has failed. */
    void (*lost)(mproc__job_t *job, mproc__work_t *work, const mproc__ended_t *ended,
                 apr_status_t status, const char *words);
    /* All that is not done has failed. */
    void (*fail)(mproc__job_t *job, apr_status_t status, const char *words);
    /* No works are left: it may add more; whether it is over. */
    int (*is_over)(mproc__job_t *job);
    /* Items or calls that are done, beyond those that were counted, for a progress bar. */
    apr_uint64_t (*progress)(const mproc__job_t *job);
    void (*free)(mproc__job_t *job);
} mproc__job_kind_t;

struct mproc__job_t {
    const mproc__job_kind_t *kind;
    mproc_pool_t *workers;
    mproc__job_t *next, *previous; /* of those that are not over */
    mproc__job_t *next_finished;   /* of those whose callbacks wait to be called */
    mproc__work_t *works;
    apr_uint64_t target;
    int is_over;      /* it will not change any more */
    int is_ready;     /* all may see it */
    int is_abandoned; /* whose it was has gone */
};

typedef enum mproc__pool_state_t {
    MPROC__POOL_RUNNING,
    MPROC__POOL_CLOSED,     /* takes nothing more */
    MPROC__POOL_DISMISSING, /* has nothing more, and its workers end */
    MPROC__POOL_TERMINATED, /* its workers are ended */
    MPROC__POOL_ENDED
} mproc__pool_state_t;

struct mproc__home_t;

struct mproc_pool_t {
    apr_pool_t *mem;
    unsigned generation; /* of the process that has it: see mproc__program_t */
    mproc_pool_options_t options;
    apr_thread_mutex_t *lock;
    mproc__engine_t *engine;
    apr_thread_t *supervisor;

    mproc__pool_state_t state;
    int was_terminated;  /* by the user, and not for having nothing more to do */
    apr_status_t broken; /* why it does no work any more, or APR_SUCCESS */
    const char *broken_words;
    unsigned sleepers; /* threads that wait for results */

    mproc__job_t *jobs;
    mproc__job_t *finished, **finished_end;
    mproc__work_t *backlog, *backlog_last;
    size_t outstanding; /* works in the backlog and on their way */
    struct mproc__home_t *homes;
    mproc_imap_t *iterators;
    unsigned reading; /* iterators whose input has not come to its end */

    /* Workers. */
    unsigned wanted;
    unsigned living;   /* with those that are being started */
    unsigned ready;    /* whose initializer is done */
    unsigned quitting; /* orders to end that nobody has taken */
    unsigned failures; /* of starting one, in a row, while none is ready */
    unsigned given_up; /* ended by a failure of their own since anything was done */
    port_deadline_t next_start;
    unsigned char is_killed[MPROC_WORKERS_MAX + 1]; /* for what it was at, by number */
    port_deadline_t next_idle;                      /* when those without work end */
    size_t crowd; /* the most that was outstanding since it was looked at */

    /* Progress since there was nothing to do. */
    apr_uint64_t total, done;
    port_deadline_t began, next_progress;
    int is_progress_due; /* all is done, and nobody was told */
};

/* -- pool.c ------------------------------------------------------------------------------- */

void mproc__pool_lock(mproc_pool_t *workers);
void mproc__pool_unlock(mproc_pool_t *workers);

/* Whether this process can use it: APR_SUCCESS, or a status and a message. */
apr_status_t mproc__pool_check(const mproc_pool_t *workers);

/* The same, and whether this thread may wait for it. */
apr_status_t mproc__pool_check_waiting(const mproc_pool_t *workers);

/* Under the lock: whether it takes something to do. */
apr_status_t mproc__pool_check_open(const mproc_pool_t *workers);

/* Whether this thread is its supervisor, in a callback. */
int mproc__pool_is_in_callback(const mproc_pool_t *workers);

/* Under the lock, which it lets go meanwhile: sleep until something is there that was not. */
void mproc__pool_sleep(mproc_pool_t *workers, port_deadline_t deadline);

/* Without the lock: how many workers there should be. */
unsigned mproc__pool_wanted(mproc_pool_t *workers);

/* Something is there. */
void mproc__pool_wake(mproc_pool_t *workers);

/* -- works.c ------------------------------------------------------------------------------ */

/* A work for a job, with room for a payload, or NULL. */
mproc__work_t *mproc__work_create(mproc__job_t *job, mproc__order_kind_t kind, size_t payload);

/* The same, with a payload that may be too large to travel with it; what is left of a lost one. */
mproc__work_t *mproc__work_create_with(mproc__job_t *job, mproc__order_kind_t kind,
                                       const void *payload, size_t size);
mproc__work_t *mproc__work_copy(const mproc__work_t *work);

/* Where its payload lies. */
const unsigned char *mproc__work_payload(const mproc__work_t *work);

/* Have it done: before all others, if it was under way. */
void mproc__work_add(mproc__work_t *work);
void mproc__work_add_again(mproc__work_t *work);

/* How many there are that users wait for: all but the orders to end. */
size_t mproc__works_count(const mproc_pool_t *workers);

/* Send as much of the backlog as there is room for. */
void mproc__works_send(mproc_pool_t *workers);

/* It is with nobody any more. */
void mproc__work_free(mproc_pool_t *workers, mproc__work_t *work);

/* Nobody waits for the works of a job: those in the backlog go, and the workers of others are ended. */
void mproc__job_withdraw(mproc__job_t *job);

/* Arrays that nobody else uses yet, and a user less. */
mproc__arrays_t *mproc__arrays_create(void);
void mproc__arrays_release(mproc_pool_t *workers, mproc__arrays_t *arrays);

/* -- jobs.c --------------------------------------------------------------------------------- */

/* It is one of the pool's, with so many items or calls. */
void mproc__job_add(mproc__job_t *job, mproc_pool_t *workers, apr_uint64_t count);

/* There are so many more, which were not known of. */
void mproc__job_expect(mproc__job_t *job, apr_uint64_t count);

/* So many of them are done. */
void mproc__job_count(mproc__job_t *job, apr_uint64_t count);

/* See whether a job that has lost a work is over. */
void mproc__job_look(mproc__job_t *job);

/* It is over now, and nothing else was done. */
void mproc__job_fail(mproc__job_t *job, apr_status_t status, const char *words);

/* The same for all. */
void mproc__jobs_fail(mproc_pool_t *workers, apr_status_t status, const char *words);

/* All may see it; frees it when it is abandoned. */
void mproc__job_ready(mproc__job_t *job);

/* Whose it was has gone. */
void mproc__job_abandon(mproc__job_t *job);

/* A copy of what went wrong, or NULL; and what is said of it later: never nothing. */
char *mproc__keep_words(const char *words);
const char *mproc__kept_words(const char *words);

/* Of what is lost with a worker: the status of what it was at, when it is not tried again. */
int mproc__is_tried_again(const mproc_pool_t *workers, apr_uint32_t attempts, apr_status_t status);

/* -- supervisor.c ------------------------------------------------------------------------- */

void *APR_THREAD_FUNC mproc__pool_supervise(apr_thread_t *thread, void *data);

/* -- upkeep.c -------------------------------------------------------------------------------- */

/* Start and end workers until there are as many as there should be; lets the lock go meanwhile. */
void mproc__upkeep(mproc_pool_t *workers);

/* End those who take too long. */
void mproc__upkeep_time(mproc_pool_t *workers);

/* When to look again. */
port_deadline_t mproc__upkeep_deadline(const mproc_pool_t *workers);

/* A worker has ended, or is ready. */
void mproc__upkeep_ended(mproc_pool_t *workers, const mproc__ended_t *ended);
void mproc__upkeep_ready(mproc_pool_t *workers);

/* The pool does no more work: everything fails with this. */
void mproc__pool_break(mproc_pool_t *workers, apr_status_t status, const char *words);


#endif
