/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The stage for locks, semaphores, events and the like.
 */

#include "sync_stage.h"

#include "ends.h"
#include "failpoint.h"
#include "shared.h"
#include "system.h"

#include <apr_thread_proc.h>
#include <apr_time.h>

/* So many processes have each at a time: parent, victim and actor. */
#define PROCESSES 4

void (*begin_acting)(void);
void (*end_acting)(void);
notes_t *actors_notes;

static const sync_scene_t *const all_scenes[] = {lock_scenes,      semaphore_scenes, event_scenes,
                                                 condition_scenes, barrier_scenes,   rwlock_scenes};

enum { KINDS = sizeof all_scenes / sizeof all_scenes[0] };

void for_each_sync_scene(void (*play)(const sync_scene_t *scene, apr_pool_t *mem), apr_pool_t *mem)
{
    const sync_scene_t *scene;
    int kind;

    for (kind = 0; kind < KINDS; kind++)
        for (scene = all_scenes[kind]; scene->name != NULL; scene++)
            play(scene, mem);
}

/* A number by which another process finds a scene, and the scene. */
static int number_of(const sync_scene_t *scene)
{
    const sync_scene_t *each;
    int kind, number = 0;

    for (kind = 0; kind < KINDS; kind++)
        for (each = all_scenes[kind]; each->name != NULL; each++, number++)
            if (each == scene)
                return number;
    return -1;
}

static const sync_scene_t *find_scene(int number)
{
    const sync_scene_t *each;
    int kind;

    for (kind = 0; kind < KINDS; kind++)
        for (each = all_scenes[kind]; each->name != NULL; each++)
            if (number-- == 0)
                return each;
    return NULL;
}

/* -- What the scenes have in common ---------------------------------------------------------- */

apr_status_t await(part_t *part, condition_fn *is_true)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;

    while (!is_true(part) && !atomic_load(&part->is_killed)) {
        if (apr_time_now() > deadline)
            return mproc_error_set(APR_EGENERAL, "waited in vain");
        apr_thread_yield();
    }
    return APR_SUCCESS;
}

apr_status_t note_held(part_t *part)
{
    atomic_store(&part->notes->is_held, 1);
    return APR_SUCCESS;
}

static int is_held(part_t *part)
{
    return atomic_load(&part->notes->is_held) != 0;
}

apr_status_t await_held(part_t *part)
{
    return await(part, is_held);
}

apr_status_t allow(apr_status_t rv, apr_status_t allowed)
{
    return rv == allowed ? APR_SUCCESS : rv;
}

apr_status_t make_whole(part_t *part, apr_status_t acquired)
{
    notes_t *notes = part->notes;

    if (acquired == MPROC_EOWNERDEAD)
        atomic_store(&notes->other, atomic_load(&notes->one));
    else if (acquired == APR_SUCCESS && atomic_load(&notes->other) != atomic_load(&notes->one))
        return mproc_error_set(APR_EGENERAL, "nobody said that it is half changed");
    return allow(acquired, MPROC_EOWNERDEAD);
}

void change(part_t *part)
{
    atomic_fetch_add(&part->notes->one, 1);
    mproc__failpoint();
    atomic_fetch_add(&part->notes->other, 1);
}

/* -- Other processes -------------------------------------------------------------------------- */

static apr_status_t read_part(part_t *part, const sync_scene_t **scene, mproc_task_t *task)
{
    const char *path;
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &path, &number, &part->lock, &part->array, &part->semaphore,
                           &part->event, &part->condition, &part->barrier, &part->rwlock));
    *scene = find_scene(number);
    if ((*scene)->lock == OF_ARRAY)
        part->lock = mproc_array_lock(part->array);
    part->notes = shared_memory(path, sizeof *part->notes, mproc_task_mem(task));
    return part->notes != NULL ? APR_SUCCESS : APR_EGENERAL;
}

/* Also who comes to his end is killed there. */
static apr_status_t act_in_scene(mproc_task_t *task)
{
    const sync_scene_t *scene;
    part_t part = {NULL};

    MPROC_TRY(read_part(&part, &scene, task));
    if (scene->set_out != NULL)
        MPROC_TRY(scene->set_out(&part));
    actors_notes = part.notes;
    begin_acting();
    MPROC_TRY(scene->act(&part));
    atomic_store(&part.notes->is_over, 1);
    end_acting();
    return APR_EGENERAL;
}

static apr_status_t die_before(mproc_task_t *task)
{
    const sync_scene_t *scene;
    part_t part = {NULL};

    MPROC_TRY(read_part(&part, &scene, task));
    MPROC_TRY(scene->kill(&part));
    end_this_process();
    return APR_EGENERAL;
}

const mproc_target_t sync_targets[] = {MPROC_TARGET(act_in_scene), MPROC_TARGET(die_before),
                                       MPROC_TARGETS_END};

/* -- Setting it -------------------------------------------------------------------------------- */

static void make_lock(part_t *part, const sync_scene_t *scene, apr_pool_t *mem)
{
    mproc_lock_options_t options = MPROC_LOCK_OPTIONS;

    options.processes = PROCESSES;
    if (scene->lock == RECURSIVE)
        assert_success(mproc_rlock_create(&part->lock, &options, mem));
    else
        assert_success(mproc_lock_create(&part->lock, &options, mem));
}

static void make_array(part_t *part, apr_pool_t *mem)
{
    mproc_array_options_t options = MPROC_ARRAY_OPTIONS;

    options.processes = PROCESSES;
    assert_success(mproc_array_create_with(&part->array, 1, sizeof(int), &options, mem));
}

static void make_semaphore(part_t *part, const sync_scene_t *scene, apr_pool_t *mem)
{
    mproc_semaphore_options_t options = MPROC_SEMAPHORE_OPTIONS;

    options.processes = PROCESSES;
    if (scene->is_signalled)
        assert_success(mproc_semaphore_create(&part->semaphore, 0, &options, mem));
    else
        assert_success(mproc_bounded_semaphore_create(&part->semaphore, UNITS, &options, mem));
}

static void make_others(part_t *part, apr_pool_t *mem)
{
    mproc_event_options_t options = MPROC_EVENT_OPTIONS;

    options.processes = PROCESSES;
    assert_success(mproc_event_create(&part->event, &options, mem));
    assert_success(mproc_condition_create(&part->condition, &options, mem));
    assert_success(mproc_barrier_create(&part->barrier, PARTIES, &options, mem));
    assert_success(mproc_rwlock_create(&part->rwlock, &options, mem));
}

static void start_process(sync_stage_t *stage, mproc_process_t **process, mproc_target_fn *target,
                          const mproc_process_options_t *options)
{
    const part_t *part = &stage->part;

    assert_success(mproc_process_start(process, target,
                                       MPROC_PACK(stage->path, number_of(stage->scene), part->lock,
                                                  part->array, part->semaphore, part->event,
                                                  part->condition, part->barrier, part->rwlock),
                                       options, stage->mem));
}

/* Nobody asks how it ended: who steps through a process has its end. */
static void await_end(mproc_process_t *process)
{
    mproc_sentinel_t sentinel;

    assert_success(mproc_process_sentinel(process, &sentinel));
    assert_true(is_ready(sentinel, PATIENCE));
}

static void let_one_die(sync_stage_t *stage)
{
    mproc_process_t *victim;

    start_process(stage, &victim, die_before, NULL);
    await_end(victim);
}

void set_sync_stage(sync_stage_t *stage, const sync_scene_t *scene, apr_pool_t *mem)
{
    static const sync_stage_t empty;

    *stage = empty;
    stage->scene = scene;
    stage->mem = mem;
    stage->part.notes = share_memory(&stage->path, sizeof *stage->part.notes, mem);
    make_lock(&stage->part, scene, mem);
    make_array(&stage->part, mem);
    make_semaphore(&stage->part, scene, mem);
    make_others(&stage->part, mem);
    if (scene->kill != NULL)
        let_one_die(stage);
}

static apr_status_t act_as_peer(void *data)
{
    peer_t *peer = data;
    apr_status_t rv = peer->act(&peer->stage->part);

    atomic_store(&peer->is_done, 1);
    return rv;
}

/* The lock of an array goes to others with the array alone. */
void start_sync_actor(sync_stage_t *stage, const mproc_process_options_t *options)
{
    int i;

    start_process(stage, &stage->actor, act_in_scene, options);
    if (stage->scene->lock == OF_ARRAY)
        stage->part.lock = mproc_array_lock(stage->part.array);
    for (i = 0; i < PEERS_MAX && stage->scene->peers[i] != NULL; i++) {
        stage->peers[i].stage = stage;
        stage->peers[i].act = stage->scene->peers[i];
        assert_success(
            start_thread(&stage->peers[i].work, act_as_peer, &stage->peers[i], stage->mem));
    }
}

/* -- What must be true -------------------------------------------------------------------------- */

void end_peer(peer_t *peer)
{
    if (peer->act != NULL)
        assert_success(end_thread(&peer->work));
    peer->act = NULL;
}

apr_interval_time_t assert_sync_survived(sync_stage_t *stage)
{
    apr_time_t begin;
    int i;

    await_end(stage->actor);
    begin = apr_time_now();
    atomic_store(&stage->part.is_killed, 1);
    if (stage->scene->relieve != NULL)
        stage->scene->relieve(stage);
    for (i = 0; i < PEERS_MAX; i++)
        end_peer(&stage->peers[i]);
    stage->scene->check(&stage->part);
    return apr_time_now() - begin;
}
