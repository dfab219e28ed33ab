/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A storm, and its account.
 */

#include "storm.h"

#include "claims.h"
#include "ends.h"
#include "message.h"
#include "queue.h"
#include "shared.h"

#include <apr_strings.h>

#include <stdlib.h>

enum { PARTICIPANTS_MAX = 6, LOST_MAX = 65536 };

/* A queue that works gets on within this time, also on a machine that is busy with other things. */
#define PROGRESS PATIENCE

/* -- Those who take part ------------------------------------------------------------- */

typedef struct part_t {
    mproc_queue_t *queue;
    account_t *account;
    size_t size_max;
    int has_blocks;
} part_t;

static apr_status_t read_part(part_t *part, mproc_task_t *task)
{
    const char *path;
    apr_int64_t size_max;

    MPROC_TRY(MPROC_UNPACK(task, &part->queue, &path, &size_max));
    part->size_max = (size_t)size_max;
    part->has_blocks = part->queue->view.blocks != NULL;
    part->account = shared_memory(path, sizeof *part->account, mproc_task_mem(task));
    return part->account != NULL ? APR_SUCCESS : APR_EGENERAL;
}

/* Most are small; the names alone decide, so that a run is the same as far as that goes. */
static size_t size_of(uint32_t name, size_t most)
{
    uint32_t mixed = name * 2654435761u;
    size_t limit = mixed >> 28 == 0 ? most : most / 64;

    return MESSAGE_MIN + (mixed >> 8) % (limit > 0 ? limit : 1);
}

/* Which way a message is put is decided by its name; which way one is got, by chance. */
static apr_status_t put_either_way(const part_t *part, uint32_t name)
{
    size_t size = size_of(name, part->size_max);

    return part->has_blocks && name % 2 == 0
               ? put_message_in_place(part->queue, name, size, MPROC_FOREVER)
               : put_message(part->queue, name, size, MPROC_FOREVER);
}

static apr_status_t get_either_way(const part_t *part, uint32_t *name, int turn)
{
    return part->has_blocks && turn % 3 != 0
               ? get_message_in_place(part->queue, name, MPROC_FOREVER)
               : get_message(part->queue, name, MPROC_FOREVER);
}

static apr_status_t putter(mproc_task_t *task)
{
    part_t part;
    uint32_t name;

    MPROC_TRY(read_part(&part, task));
    while (!atomic_load(&part.account->is_over) &&
           (name = atomic_fetch_add(&part.account->next, 1)) < NAMES_MAX) {
        entry_t *entry = &part.account->entries[name];
        atomic_store(&entry->begun, 1);
        MPROC_TRY(put_either_way(&part, name));
        atomic_store(&entry->number,
                     atomic_load(mproc__member_note(&part.queue->view.member, MPROC__LAST_PUT)));
    }
    return APR_SUCCESS;
}

static void note_got(account_t *account, uint32_t name)
{
    entry_t *entry = &account->entries[name < NAMES_MAX ? name : 0];

    if (name == 0 || name >= NAMES_MAX || !atomic_load(&entry->begun))
        atomic_fetch_add(&account->damaged, 1);
    atomic_store(&entry->getter, (uint32_t)port_pid());
    atomic_fetch_add(&entry->got, 1);
    atomic_fetch_add(&account->gets, 1);
}

static apr_status_t do_task(const part_t *part)
{
    if (part->queue->view.tasks == NULL)
        return APR_SUCCESS;
    atomic_fetch_add(&part->account->begun, 1);
    MPROC_TRY(mproc_queue_task_done(part->queue));
    atomic_fetch_add(&part->account->done, 1);
    return APR_SUCCESS;
}

static apr_status_t getter(mproc_task_t *task)
{
    part_t part;
    uint32_t name;
    apr_status_t rv;
    int turn = 0;

    MPROC_TRY(read_part(&part, task));
    while ((rv = get_either_way(&part, &name, turn++)) == APR_SUCCESS) {
        note_got(part.account, name);
        MPROC_TRY(do_task(&part));
    }
    return rv == MPROC_ESHUTDOWN ? APR_SUCCESS : rv;
}

const mproc_target_t storm_targets[] = {MPROC_TARGET(putter), MPROC_TARGET(getter),
                                        MPROC_TARGETS_END};

/* -- The parent ------------------------------------------------------------------------ */

typedef struct director_t {
    const storm_t *storm;
    mproc_queue_t *queue;
    account_t *account;
    const char *path;
    mproc_process_t *processes[PARTICIPANTS_MAX]; /* the putters first */
    apr_pool_t *memories[PARTICIPANTS_MAX];
    apr_pool_t *mem;
    uint32_t random;
    mproc_lost_t *lost; /* what was named, each once */
    size_t nlost;
    uint64_t told; /* tasks that join said were lost */
    int kills[2];  /* of putters, of getters */
    uint64_t gets;
    apr_time_t got_on;
    apr_interval_time_t longest;
} director_t;

static uint32_t draw(director_t *director, uint32_t below)
{
    director->random = director->random * 1664525u + 1013904223u;
    return (director->random >> 8) % below;
}

static void start(director_t *director, int place)
{
    int is_putter = place < director->storm->putters;

    assert_success(apr_pool_create(&director->memories[place], director->mem));
    assert_success(mproc_process_start(
        &director->processes[place], is_putter ? putter : getter,
        MPROC_PACK(director->queue, director->path, (apr_int64_t)director->storm->size_max), NULL,
        director->memories[place]));
}

static void note_lost(director_t *director, const mproc_lost_t *lost)
{
    size_t i;

    for (i = 0; i < director->nlost; i++)
        if (director->lost[i].pid == lost->pid && director->lost[i].number == lost->number)
            return;
    assert_true(director->nlost < LOST_MAX);
    director->lost[director->nlost++] = *lost;
}

/* Before places are taken again. */
static void ask_for_lost(director_t *director)
{
    static mproc_lost_t lost[4096];
    size_t count, i;

    assert_success(mproc_queue_lost(director->queue, lost, 4096, &count));
    assert_true(count <= 4096);
    for (i = 0; i < count; i++)
        note_lost(director, &lost[i]);
}

static void ask_for_tasks(director_t *director)
{
    apr_status_t rv;

    if (!director->storm->is_joinable)
        return;
    rv = mproc_queue_join(director->queue, 0);
    if (rv == MPROC_EWORKERDIED)
        director->told += strtoull(mproc_error_message(), NULL, 10);
    else if (!APR_STATUS_IS_TIMEUP(rv))
        assert_success(rv);
}

static void watch_progress(director_t *director)
{
    uint64_t gets = atomic_load(&director->account->gets);
    apr_time_t now = apr_time_now();

    if (gets != director->gets) {
        director->gets = gets;
        director->got_on = now;
    }
    if (now - director->got_on > director->longest)
        director->longest = now - director->got_on;
    assert_true(director->longest < PROGRESS);
}

static void kill_one(director_t *director, int place)
{
    assert_success(mproc_process_kill(director->processes[place]));
    assert_success(mproc_process_join(director->processes[place], PATIENCE));
    director->kills[place >= director->storm->putters]++;
    ask_for_lost(director);
    ask_for_tasks(director);
    apr_pool_destroy(director->memories[place]);
    start(director, place);
}

static void stop_one(director_t *director, int place)
{
    apr_int64_t pid = mproc_process_pid(director->processes[place]);

    assert_true(stop_process(pid));
    apr_sleep(apr_time_from_msec(100 + (apr_interval_time_t)draw(director, 400)));
    assert_true(continue_process(pid));
}

static void disturb(director_t *director)
{
    int place =
        (int)draw(director, (uint32_t)(director->storm->putters + director->storm->getters));

    apr_sleep((apr_interval_time_t)draw(director, 20000));
    watch_progress(director);
    if (director->storm->stops && draw(director, 4) == 0)
        stop_one(director, place);
    else
        kill_one(director, place);
}

/* No block is lost: when the last message has been got there is room for one that takes all. */
static void assert_all_room_is_free(const director_t *director)
{
    void *block;

    if (director->storm->blocks == 0)
        return;
    assert_success(mproc_queue_reserve(director->queue, director->storm->blocks, &block, PATIENCE));
    assert_success(mproc_queue_cancel(director->queue, block));
}

static void end_all(director_t *director)
{
    const storm_t *storm = director->storm;
    int place;

    atomic_store(&director->account->is_over, 1);
    for (place = 0; place < storm->putters + storm->getters; place++) {
        if (place == storm->putters) {
            assert_all_room_is_free(director);
            assert_success(mproc_queue_shutdown(director->queue, MPROC_DRAIN));
        }
        assert_success(mproc_process_join(director->processes[place], PATIENCE));
        assert_success(mproc_process_status(director->processes[place]));
    }
    ask_for_lost(director);
    assert_true(mproc_queue_empty(director->queue));
    ask_for_tasks(director);
}

/* -- The account ------------------------------------------------------------------------ */

/* By number, which of those that were lost it is; 0 if it is none. */
static apr_int64_t find_loser(const director_t *director, uint64_t number)
{
    size_t i;

    for (i = 0; i < director->nlost; i++)
        if (director->lost[i].number == number)
            return director->lost[i].pid;
    return 0;
}

typedef struct sums_t {
    uint32_t puts, gets, lost, unnamed, misnamed, twice, surplus;
} sums_t;

/*
 * A message whose put has returned was got, or it is named by what was lost; one that is named was got
 * by nobody but whom it is said to be lost with.
 */
static void explain(const director_t *director, const entry_t *entry, const char *what)
{
    print_message("  message %ld, number %llu, of %lu bytes, got by %lu, is %s\n",
                  (long)(entry - director->account->entries),
                  (unsigned long long)atomic_load(&entry->number),
                  (unsigned long)size_of((uint32_t)(entry - director->account->entries),
                                         director->storm->size_max),
                  (unsigned long)atomic_load(&entry->getter), what);
}

static void account_for(sums_t *sums, const director_t *director, const entry_t *entry)
{
    uint64_t number = atomic_load(&entry->number);
    int got = atomic_load(&entry->got);

    sums->puts += number != 0;
    sums->gets += got > 0;
    sums->twice += got > 1;
    if (number == 0) {
        sums->surplus += got > 0;
        return;
    }
    if (got == 0) {
        sums->lost++;
        if (find_loser(director, number) == 0 && !director->storm->is_crowded) {
            sums->unnamed++;
            explain(director, entry, "not named");
        }
    } else {
        apr_int64_t loser = find_loser(director, number);
        if (loser != 0 && (uint32_t)loser != atomic_load(&entry->getter)) {
            sums->misnamed++;
            explain(director, entry, "named as another's");
        }
    }
}

static void assert_accounts(const director_t *director)
{
    uint32_t names = atomic_load(&director->account->next), name;
    sums_t sums = {0};

    for (name = 1; name < names && name < NAMES_MAX; name++)
        if (atomic_load(&director->account->entries[name].begun))
            account_for(&sums, director, &director->account->entries[name]);
    print_message(
        "  %s: %u put, %u got, %u lost and %u of them unnamed, %u misnamed, %u twice, %u "
        "unfinished and got;\n"
        "    %d putters and %d getters killed, %lu messages named; longest without a get %ld ms\n",
        director->storm->name, sums.puts, sums.gets, sums.lost, sums.unnamed, sums.misnamed,
        sums.twice, sums.surplus, director->kills[0], director->kills[1],
        (unsigned long)director->nlost, (long)apr_time_as_msec(director->longest));
    assert_int_equal(atomic_load(&director->account->damaged), 0);
    assert_int_equal(sums.twice, 0);
    assert_int_equal(sums.unnamed, 0);
    assert_int_equal(sums.misnamed, 0);
    assert_true(sums.lost <= (uint32_t)director->kills[1]);
    assert_true(sums.surplus <= (uint32_t)director->kills[0]);
    assert_true(sums.gets > 0);
}

/* Each message that was put is a task that was done, or that join has told of as lost. */
static void assert_tasks(const director_t *director)
{
    uint32_t put = mproc__index_messages(atomic_load(&director->queue->view.ring->index.tail));
    uint64_t begun = atomic_load(&director->account->begun),
             done = atomic_load(&director->account->done);
    size_t unfinished, lost;

    assert_success(mproc_queue_join(director->queue, 0));
    assert_success(mproc_queue_tasks(director->queue, &unfinished, &lost));
    print_message("    %lu tasks done, %lu that a getter may have been killed in, %lu lost\n",
                  (unsigned long)done, (unsigned long)(begun - done), (unsigned long)lost);
    assert_int_equal(unfinished, 0);
    assert_int_equal(lost, director->told);
    assert_true(put - lost >= done && put - lost <= begun);
    assert_true(begun - done <= (uint64_t)director->kills[1]);
}

void play_storm(const storm_t *storm, apr_interval_time_t time, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    director_t director = {.storm = storm, .mem = mem};
    apr_time_t end = apr_time_now() + time;
    int place;

    options.capacity = storm->capacity;
    options.maxsize = storm->maxsize;
    options.joinable = storm->is_joinable;
    options.blocks = storm->blocks;
    options.processes = storm->is_crowded ? PARTICIPANTS_MAX + 2 : 4096;
    assert_success(mproc_queue_create(&director.queue, &options, mem));
    director.account = share_memory(&director.path, sizeof *director.account, mem);
    atomic_store(&director.account->next, 1);
    director.lost = apr_palloc(mem, LOST_MAX * sizeof *director.lost);
    director.random = (uint32_t)end;
    director.got_on = apr_time_now();
    for (place = 0; place < storm->putters + storm->getters; place++)
        start(&director, place);
    while (apr_time_now() < end && atomic_load(&director.account->next) < NAMES_MAX)
        disturb(&director);
    end_all(&director);
    assert_accounts(&director);
    if (storm->is_joinable)
        assert_tasks(&director);
}
