/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_STAGE_H
#define MPROC_TESTS_STAGE_H

/*
 * A stage: a queue, an actor, who is killed at some instant of what he does with it,
 * and the survivors, who then must find every message once, whole and in order, or
 * named by mproc_queue_lost(), and a queue that goes on.
 *
 * Messages that survivors put are named 1, 2, 3 ...; those of the actor ACTORS, and
 * so on.  A scene says what is there before, and what the actor does.
 */

#include "claims.h"
#include "message.h"
#include "threads.h"

#include <apr_thread_mutex.h>

#include <stdatomic.h>

#define CAPACITY 4096
#define BLOCKS ((size_t)65536)

/* Sizes: three fit, it lies across the end of the ring, it passes through it in pieces. */
#define SHORT ((size_t)100)
#define MEDIUM ((size_t)600)
#define LONG ((size_t)6000)

enum { ACTORS = 101, MARKER = 200, NAMES = 256 };

/* What the actor tells of itself, in shared memory. */
typedef struct notes_t {
    _Atomic uint32_t puts; /* messages whose put has returned */
    _Atomic uint32_t gets; /* the same of gets, and where those lie */
    _Atomic uint32_t begins[NAMES], sizes[NAMES];
    _Atomic uint32_t begun, done; /* tasks that it was about to do, and has done */
    _Atomic uint32_t is_over;     /* it has done all of its part */
    unsigned char buffer[2 * LONG];
} notes_t;

struct stage_t;

/* The actor, in its own process. */
typedef struct actor_t {
    mproc_queue_t *queue;
    notes_t *notes;
    mproc_bytes_t messages[8]; /* what it puts, if it does */
    size_t count;
} actor_t;

typedef struct scene_t {
    const char *name;
    void (*prepare)(struct stage_t *stage);
    apr_status_t (*act)(actor_t *actor);
    work_fn *peer;     /* a survivor that is at work meanwhile: a thread with the stage; or NULL */
    size_t size;       /* of the actor's messages */
    size_t count;      /* how many it puts at most */
    int is_shut;       /* the queue is shut down by it: 1 is to be drained, 2 is not */
    int peer_collects; /* it gets what there is, up to the marker */
    int is_joining;    /* the actor's birth belongs to the scene */
    int is_of_tasks;   /* it is played with joinable queues alone */
    int is_crowded;    /* the actor's place was the victim's, whose losses are forgotten */
    int gets_twice;    /* what the actor had got before is not named */
    int does_anothers; /* the actor does tasks of survivors */
    int joins;         /* the actor may be told of what was lost */
} scene_t;

extern const scene_t scenes[];
extern const size_t nscenes;

typedef struct stage_t {
    apr_pool_t *mem;
    const scene_t *scene;
    mproc_queue_t *queue;
    mproc_process_t *actor, *victim; /* a victim was killed before */
    notes_t *notes;
    const char *path;            /* of the notes */
    uint32_t put;                /* messages of survivors */
    apr_uint64_t numbers[NAMES]; /* by name */
    uint32_t received[NAMES];    /* names in their order */
    size_t nreceived;
    uint32_t done;                 /* tasks that survivors have done */
    apr_thread_mutex_t *receiving; /* held from a get until its message is on the list */
    work_t peer, early;            /* `early` was begun before the actor */
    void *held;                    /* a block of survivors */
    _Atomic int is_killed, peer_is_done;
} stage_t;

/*
 * Set by the program: queues are joinable, who gets a message does it, and each task must be known to
 * be done or lost.
 */
extern int stage_is_joinable;

/* Whether a scene belongs to what is played: a put is the same where messages are tasks. */
static inline int is_to_be_played(const scene_t *scene)
{
    return stage_is_joinable ? scene->count == 0 : !scene->is_of_tasks;
}

/* Make a stage for a scene; start its actor. */
void set_stage(stage_t *stage, const scene_t *scene, apr_pool_t *mem);
void start_actor(stage_t *stage, const mproc_process_options_t *options);

/* The actor has been killed: all is well. Returns how long it took until the queue went on. */
apr_interval_time_t assert_survived(stage_t *stage);

/* In the actor: set by the program; called before and after what it does. */
extern void (*begin_acting)(void);
extern void (*end_acting)(void);

/* Targets of processes on the stage. */
extern const mproc_target_t stage_targets[];

/* -- Between the files of the stage -- */

/* Put the next message of the survivors, which must succeed; get one, and note it. */
apr_status_t put_next(stage_t *stage, size_t size);
apr_status_t put_next_in_place(stage_t *stage, size_t size);
apr_status_t get_next(stage_t *stage, apr_interval_time_t timeout);

/* Survivors have got all there is: each task was done or lost. */
void assert_tasks_are_known(stage_t *stage);

/* Start a victim: a target with the queue as its only argument; and let it end. */
void start_victim(stage_t *stage, mproc_target_fn *target);
void bury_victim(stage_t *stage);

/* Wait until somebody sleeps for this event, or until the actor is killed: whether somebody does. */
int await_sleeper(stage_t *stage, unsigned event);

/* The actor has got a message that lies in its notes. */
void note_got(actor_t *actor, const unsigned char *bytes, size_t size);

apr_status_t act_in_scene(mproc_task_t *task);

#endif
