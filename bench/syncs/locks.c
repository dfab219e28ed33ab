/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks, plain and recursive, and semaphores of one unit: acquired and released around one addition.
 */

#include "syncs.h"

#include <apr_proc_mutex.h>

#include <errno.h>
#include <semaphore.h>
#include <string.h>

#define APR_KINDS 5

static const apr_lockmech_e mechanisms[APR_KINDS] = {
    APR_LOCK_FCNTL, APR_LOCK_FLOCK, APR_LOCK_SYSVSEM, APR_LOCK_POSIXSEM, APR_LOCK_PROC_PTHREAD};

static apr_proc_mutex_t *of_apr[APR_KINDS];

/* A loop for each, in which nothing is called but what is measured. */
#define DEFINE_RUN(name, acquire, release)                                                         \
    static int name(void *object, int who, int count)                                              \
    {                                                                                              \
        (void)object;                                                                              \
        (void)who;                                                                                 \
        for (; count > 0; count--) {                                                               \
            if ((acquire) != 0)                                                                    \
                return 0;                                                                          \
            ++*guarded;                                                                            \
            if ((release) != 0)                                                                    \
                return 0;                                                                          \
        }                                                                                          \
        return 1;                                                                                  \
    }

static int wait_for(sem_t *semaphore)
{
    int rv;

    do
        rv = sem_wait(semaphore);
    while (rv != 0 && errno == EINTR);
    return rv;
}

DEFINE_RUN(run_lock, mproc_lock_acquire(ours.lock, MPROC_FOREVER), mproc_lock_release(ours.lock))
DEFINE_RUN(run_rlock, mproc_lock_acquire(ours.rlock, MPROC_FOREVER), mproc_lock_release(ours.rlock))
DEFINE_RUN(run_units, mproc_semaphore_acquire(ours.semaphore, MPROC_FOREVER),
           mproc_semaphore_release(ours.semaphore))
DEFINE_RUN(run_semaphore, wait_for(object), sem_post(object))
DEFINE_RUN(run_mutex, pthread_mutex_lock(object), pthread_mutex_unlock(object))
DEFINE_RUN(run_apr, apr_proc_mutex_lock(*(apr_proc_mutex_t **)object),
           apr_proc_mutex_unlock(*(apr_proc_mutex_t **)object))

/* What a lock, a recursive one and a semaphore of one unit are all measured against. */
enum { SEM_T, MUTEX, ROBUST_MUTEX, FIRST_OF_APR, OTHERS = FIRST_OF_APR + APR_KINDS };

static sync_side_t others[OTHERS] = {
    [SEM_T] = {"sem_t", run_semaphore, NULL, NULL},
    [MUTEX] = {"pthread mutex", run_mutex, NULL, NULL},
    [ROBUST_MUTEX] = {"robust pthread mutex", run_mutex, NULL, NULL},
    [FIRST_OF_APR] = {"apr, fcntl", run_apr, NULL, NULL},
    {"apr, flock", run_apr, NULL, NULL},
    {"apr, sysvsem", run_apr, NULL, NULL},
    {"apr, posixsem", run_apr, NULL, NULL},
    {"apr, pthread", run_apr, NULL, NULL}};

/* Each ends with a side without a name; the others come in between. */
static sync_side_t locks[1 + OTHERS + 1] = {{"mproc", run_lock, NULL, NULL}};
static sync_side_t semaphores[1 + OTHERS + 1] = {{"mproc", run_units, NULL, NULL}};
static sync_side_t rlocks[3 + OTHERS + 1] = {{"mproc", run_rlock, NULL, NULL},
                                             {"recursive mutex", run_mutex, NULL, NULL},
                                             {"robust recursive mutex", run_mutex, NULL, NULL}};

const sync_case_t lock_cases[] = {
    {"lock, alone", "Python Lock", "Lock", 0, 1, locks},
    {"lock, two processes", "Python Lock", "Lock", 1, 1, locks},
    {"rlock, alone", "Python RLock", "RLock", 0, 1, rlocks},
    {"rlock, two processes", "Python RLock", "RLock", 1, 1, rlocks},
    {"semaphore, alone", "Python Semaphore", "Semaphore", 0, 1, semaphores},
    {"semaphore, two processes", "Python Semaphore", "Semaphore", 1, 1, semaphores},
    {NULL, NULL, NULL, 0, 0, NULL}};

/* Those that APR does not have here are rows without a ratio. */
static void make_those_of_apr(apr_pool_t *mem)
{
    int i;

    for (i = 0; i < APR_KINDS; i++) {
        others[FIRST_OF_APR + i].object = &of_apr[i];
        if (apr_proc_mutex_create(&of_apr[i], NULL, mechanisms[i], mem) != APR_SUCCESS) {
            of_apr[i] = NULL;
            others[FIRST_OF_APR + i].missing = "this APR has none";
        }
    }
}

static pthread_mutex_t *make_mutex(int type, int robustness)
{
    pthread_mutex_t *mutex = sync_memory(sizeof *mutex);

    sync_mutex_make(mutex, type, robustness);
    return mutex;
}

void make_locks(apr_pool_t *mem)
{
    sem_t *semaphore = sync_memory(sizeof *semaphore);

    sem_init(semaphore, 1, 1);
    others[SEM_T].object = semaphore;
    others[MUTEX].object = make_mutex(PTHREAD_MUTEX_DEFAULT, PTHREAD_MUTEX_STALLED);
    others[ROBUST_MUTEX].object = make_mutex(PTHREAD_MUTEX_DEFAULT, PTHREAD_MUTEX_ROBUST);
    rlocks[1].object = make_mutex(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
    rlocks[2].object = make_mutex(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST);
    make_those_of_apr(mem);
    memcpy(locks + 1, others, sizeof others);
    memcpy(semaphores + 1, others, sizeof others);
    memcpy(rlocks + 3, others, sizeof others);
}

apr_status_t adopt_locks(apr_pool_t *mem)
{
    int i;

    for (i = 0; i < APR_KINDS; i++)
        if (of_apr[i] != NULL)
            MPROC_TRY(
                apr_proc_mutex_child_init(&of_apr[i], apr_proc_mutex_lockfile(of_apr[i]), mem));
    return APR_SUCCESS;
}
