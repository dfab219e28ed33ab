/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events, conditions and barriers: alone, where nobody waits, and there and back between two
 * processes, each of which waits for the other.
 */

#include "syncs.h"

#include <errno.h>
#include <semaphore.h>

/* -- Ours ------------------------------------------------------------------------------- */

static int set_and_clear(void *object, int who, int count)
{
    mproc_event_t *event = ours.events[HERE];

    (void)object;
    (void)who;
    for (; count > 0; count--)
        if (mproc_event_set(event) != APR_SUCCESS || !mproc_event_is_set(event) ||
            mproc_event_clear(event) != APR_SUCCESS)
            return 0;
    return 1;
}

static int pass_events(void *object, int who, int count)
{
    mproc_event_t *mine = ours.events[who], *its = ours.events[!who];

    (void)object;
    for (; count > 0; count--) {
        if (who == HERE && mproc_event_set(its) != APR_SUCCESS)
            return 0;
        if (mproc_event_wait(mine, MPROC_FOREVER) != APR_SUCCESS ||
            mproc_event_clear(mine) != APR_SUCCESS)
            return 0;
        if (who == THERE && mproc_event_set(its) != APR_SUCCESS)
            return 0;
    }
    return 1;
}

static int notify(void *object, int who, int count)
{
    (void)object;
    (void)who;
    for (; count > 0; count--)
        if (mproc_condition_acquire(ours.condition, MPROC_FOREVER) != APR_SUCCESS ||
            mproc_condition_notify(ours.condition, 1) != APR_SUCCESS ||
            mproc_condition_release(ours.condition) != APR_SUCCESS)
            return 0;
    return 1;
}

/* Whose turn it is, under the lock of the condition. */
typedef struct turn_t {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int whose;
} turn_t;

static int take_turns(void *object, int who, int count)
{
    turn_t *turn = object;

    for (; count > 0; count--) {
        if (mproc_condition_acquire(ours.condition, MPROC_FOREVER) != APR_SUCCESS)
            return 0;
        while (turn->whose != who)
            if (mproc_condition_wait(ours.condition, MPROC_FOREVER) != APR_SUCCESS)
                return 0;
        turn->whose = !who;
        if (mproc_condition_notify(ours.condition, 1) != APR_SUCCESS ||
            mproc_condition_release(ours.condition) != APR_SUCCESS)
            return 0;
    }
    return 1;
}

static int meet(void *object, int who, int count)
{
    mproc_barrier_t *barrier = *(mproc_barrier_t **)object;

    (void)who;
    for (; count > 0; count--)
        if (mproc_barrier_wait(barrier, NULL, MPROC_FOREVER) != APR_SUCCESS)
            return 0;
    return 1;
}

/* -- Of POSIX ------------------------------------------------------------------------------ */

/* An event as one would write it: a flag under a mutex, and a condition. */
typedef struct flag_t {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int is_set;
} flag_t;

static void change_flag(flag_t *flag, int is_set)
{
    pthread_mutex_lock(&flag->mutex);
    flag->is_set = is_set;
    if (is_set)
        pthread_cond_broadcast(&flag->changed);
    pthread_mutex_unlock(&flag->mutex);
}

static int is_flag_set(flag_t *flag)
{
    int is_set;

    pthread_mutex_lock(&flag->mutex);
    is_set = flag->is_set;
    pthread_mutex_unlock(&flag->mutex);
    return is_set;
}

static void wait_for_flag(flag_t *flag)
{
    pthread_mutex_lock(&flag->mutex);
    while (!flag->is_set)
        pthread_cond_wait(&flag->changed, &flag->mutex);
    pthread_mutex_unlock(&flag->mutex);
}

static int set_and_clear_flag(void *object, int who, int count)
{
    (void)who;
    for (; count > 0; count--) {
        change_flag(object, 1);
        if (!is_flag_set(object))
            return 0;
        change_flag(object, 0);
    }
    return 1;
}

static int pass_flags(void *object, int who, int count)
{
    flag_t *flags = object;

    for (; count > 0; count--) {
        if (who == HERE)
            change_flag(&flags[!who], 1);
        wait_for_flag(&flags[who]);
        change_flag(&flags[who], 0);
        if (who == THERE)
            change_flag(&flags[!who], 1);
    }
    return 1;
}

static int wait_for(sem_t *semaphore)
{
    int rv;

    do
        rv = sem_wait(semaphore);
    while (rv != 0 && errno == EINTR);
    return rv == 0;
}

static int pass_semaphores(void *object, int who, int count)
{
    sem_t *semaphores = object;

    for (; count > 0; count--) {
        if (who == HERE && sem_post(&semaphores[!who]) != 0)
            return 0;
        if (!wait_for(&semaphores[who]))
            return 0;
        if (who == THERE && sem_post(&semaphores[!who]) != 0)
            return 0;
    }
    return 1;
}

static int signal_condition(void *object, int who, int count)
{
    turn_t *turn = object;

    (void)who;
    for (; count > 0; count--)
        if (pthread_mutex_lock(&turn->mutex) != 0 || pthread_cond_signal(&turn->changed) != 0 ||
            pthread_mutex_unlock(&turn->mutex) != 0)
            return 0;
    return 1;
}

static int take_turns_by_signals(void *object, int who, int count)
{
    turn_t *turn = object;

    for (; count > 0; count--) {
        pthread_mutex_lock(&turn->mutex);
        while (turn->whose != who)
            pthread_cond_wait(&turn->changed, &turn->mutex);
        turn->whose = !who;
        pthread_cond_signal(&turn->changed);
        pthread_mutex_unlock(&turn->mutex);
    }
    return 1;
}

static int meet_by_pthread(void *object, int who, int count)
{
    (void)who;
    for (; count > 0; count--) {
        int rv = pthread_barrier_wait(object);

        if (rv != 0 && rv != PTHREAD_BARRIER_SERIAL_THREAD)
            return 0;
    }
    return 1;
}

/* -- Cases ----------------------------------------------------------------------------------- */

static sync_side_t events[] = {{"mproc", set_and_clear, NULL, NULL},
                               {"pthread mutex and cond", set_and_clear_flag, NULL, NULL},
                               {NULL, NULL, NULL, NULL}};
static sync_side_t round_trips[] = {{"mproc", pass_events, NULL, NULL},
                                    {"pthread mutex and cond", pass_flags, NULL, NULL},
                                    {"sem_t", pass_semaphores, NULL, NULL},
                                    {NULL, NULL, NULL, NULL}};
static sync_side_t conditions[] = {{"mproc", notify, NULL, NULL},
                                   {"pthread cond", signal_condition, NULL, NULL},
                                   {NULL, NULL, NULL, NULL}};
static sync_side_t turns[] = {{"mproc", take_turns, NULL, NULL},
                              {"pthread cond", take_turns_by_signals, NULL, NULL},
                              {NULL, NULL, NULL, NULL}};
static sync_side_t lonely_barriers[] = {{"mproc", meet, &ours.alone, NULL},
                                        {"pthread barrier", meet_by_pthread, NULL, NULL},
                                        {NULL, NULL, NULL, NULL}};
static sync_side_t barriers[] = {{"mproc", meet, &ours.both, NULL},
                                 {"pthread barrier", meet_by_pthread, NULL, NULL},
                                 {NULL, NULL, NULL, NULL}};

const sync_case_t event_cases[] = {
    {"event, set and clear", "Python Event", "Event", 0, 1, events},
    {"event, there and back", "Python Event", "Event", 1, 0, round_trips},
    {"condition, notify", "Python Condition", "Condition", 0, 1, conditions},
    {"condition, there and back", "Python Condition", "Condition", 1, 0, turns},
    {"barrier, alone", "Python Barrier", "Barrier", 0, 1, lonely_barriers},
    {"barrier, two processes", "Python Barrier", "Barrier", 1, 0, barriers},
    {NULL, NULL, NULL, 0, 0, NULL}};

static void make_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static pthread_barrier_t *make_barrier(unsigned parties)
{
    pthread_barrier_t *barrier = sync_memory(sizeof *barrier);
    pthread_barrierattr_t attributes;

    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(barrier, &attributes, parties);
    pthread_barrierattr_destroy(&attributes);
    return barrier;
}

void make_events(void)
{
    flag_t *flags = sync_memory(2 * sizeof *flags);
    turn_t *of_posix = sync_memory(sizeof *of_posix);
    sem_t *semaphores = sync_memory(2 * sizeof *semaphores);
    int who;

    for (who = HERE; who <= THERE; who++) {
        sync_mutex_make(&flags[who].mutex, PTHREAD_MUTEX_DEFAULT, PTHREAD_MUTEX_STALLED);
        make_condition(&flags[who].changed);
        sem_init(&semaphores[who], 1, 0);
    }
    sync_mutex_make(&of_posix->mutex, PTHREAD_MUTEX_DEFAULT, PTHREAD_MUTEX_STALLED);
    make_condition(&of_posix->changed);
    events[1].object = round_trips[1].object = flags;
    round_trips[2].object = semaphores;
    turns[0].object = sync_memory(sizeof(turn_t));
    conditions[1].object = turns[1].object = of_posix;
    lonely_barriers[1].object = make_barrier(1);
    barriers[1].object = make_barrier(2);
}
