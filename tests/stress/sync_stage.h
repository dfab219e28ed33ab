/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_SYNC_STAGE_H
#define MPROC_TESTS_SYNC_STAGE_H

/*
 * A stage for locks, semaphores, events and the like: an actor, who is killed at some instant of
 * what he does with one of them, and peers, who are threads of the survivors.
 *
 * Peers must come back by themselves from whatever the actor had begun; what he had not begun the
 * survivors do for him.  Then what he guarded is whole, or is said to be half done, and all goes on.
 */

#include "claims.h"
#include "sleepers.h"
#include "threads.h"

#include <stdatomic.h>

/* Units of the semaphore, and those who meet at the barrier. */
enum { UNITS = 2, PARTIES = 3 };

/* Long enough to go to sleep in it. */
#define A_NAP apr_time_from_msec(1)

/* In shared memory. */
typedef struct notes_t {
    _Atomic uint32_t one, other;  /* guarded: the same, but in the middle of a change */
    _Atomic uint32_t is_held;     /* who is to have it at first has it */
    _Atomic uint32_t begun, done; /* of what the actor does for others, one after the other */
    _Atomic uint32_t made, taken; /* tokens for who waits on the condition */
    _Atomic uint32_t actor_takes; /* the actor was about to take one */
    _Atomic uint32_t is_stopped;  /* the actor was about to be stopped */
    _Atomic uint32_t is_over;     /* the actor has done all of its part */
} notes_t;

/* What a process has of a scene. */
typedef struct part_t {
    mproc_lock_t *lock;
    mproc_array_t *array;
    mproc_semaphore_t *semaphore;
    mproc_event_t *event;
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
    notes_t *notes;
    _Atomic int is_killed; /* the actor, as far as this process knows */
} part_t;

typedef apr_status_t act_fn(part_t *part);

#define PEERS_MAX 2

struct sync_stage_t;

typedef struct sync_scene_t {
    const char *name;
    act_fn *kill;    /* a victim does this and ends before all begins; or NULL */
    act_fn *set_out; /* the actor, before it can be killed; or NULL */
    act_fn *act;     /* what it is killed in */
    act_fn *peers[PEERS_MAX];
    void (*relieve)(struct sync_stage_t *stage); /* do what the actor has not begun; or NULL */
    void (*check)(part_t *part);                 /* what must be true then */
    enum { PLAIN, RECURSIVE, OF_ARRAY } lock;
    int is_signalled; /* the semaphore is not bounded, and has no units at first */
} sync_scene_t;

/* Ended by one without a name. */
extern const sync_scene_t lock_scenes[], semaphore_scenes[], event_scenes[], condition_scenes[],
    barrier_scenes[], rwlock_scenes[];

typedef struct peer_t {
    struct sync_stage_t *stage;
    act_fn *act;
    work_t work;
    _Atomic int is_done;
} peer_t;

typedef struct sync_stage_t {
    const sync_scene_t *scene;
    part_t part;
    const char *path; /* of the notes */
    mproc_process_t *actor;
    peer_t peers[PEERS_MAX];
    apr_pool_t *mem;
} sync_stage_t;

/* Make what a scene is about; start its actor, and the peers. */
void set_sync_stage(sync_stage_t *stage, const sync_scene_t *scene, apr_pool_t *mem);
void start_sync_actor(sync_stage_t *stage, const mproc_process_options_t *options);

/* The actor has been killed: all is well.  Returns how long it took until all went on. */
apr_interval_time_t assert_sync_survived(sync_stage_t *stage);

/* Call a function for each scene that there is. */
void for_each_sync_scene(void (*play)(const sync_scene_t *scene, apr_pool_t *mem), apr_pool_t *mem);

/* In the actor: set by the program; called before and after what it does. */
extern void (*begin_acting)(void);
extern void (*end_acting)(void);

/* In the actor: its notes. */
extern notes_t *actors_notes;

/* Targets of processes on the stage. */
extern const mproc_target_t sync_targets[];

/* -- Between the files of the stage -- */

/* Wait until something is true, or the actor is killed: APR_SUCCESS, or that it was in vain. */
typedef int condition_fn(part_t *part);
apr_status_t await(part_t *part, condition_fn *is_true);

/* Say that what one is to have at first is held; wait until it is. */
apr_status_t note_held(part_t *part);
apr_status_t await_held(part_t *part);

/* Until a peer has come back, if it was started. */
void end_peer(peer_t *peer);

/* What also is as it should be. */
apr_status_t allow(apr_status_t rv, apr_status_t allowed);

/*
 * What is guarded, by who has acquired it with this status: it is whole, unless he was told that
 * somebody died.  Then change it, which may be cut off in the middle.
 */
apr_status_t make_whole(part_t *part, apr_status_t acquired);
void change(part_t *part);

#endif
