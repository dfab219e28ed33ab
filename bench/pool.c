/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pools of two workers: maps of more and more items that cost nothing, as they come
 * and one at a time; calls; results one after the other; and work that keeps the
 * CPUs busy, where a pool can lose time but not win any.
 */

#include "bench.h"
#include "pools/pools.h"

#include <stdio.h>
#include <string.h>

#define ITEMS_MAX 10000000
#define ROUNDS 11
#define PYTHON_ROUNDS 5

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* What the names of the cases must have in them. */
static const char *wanted = "";

static int *items, *results;

/* How many items a map has, and how many a run of it does. */
typedef struct size_of_map_t {
    const char *name;
    int nitems;
    int count;         /* of a run, in chunks of the default size */
    int chunk_1_count; /* of a run, one at a time; 0: it takes too long */
} size_of_map_t;

static const size_of_map_t sizes[] = {{"1 k", 1000, 1000000, 50000},
                                      {"10 k", 10000, 2000000, 100000},
                                      {"100 k", 100000, 4000000, 200000},
                                      {"1 M", 1000000, 6000000, 1000000},
                                      {"10 M", 10000000, 10000000, 0}};

/* A case, and where its name is. */
typedef struct case_t {
    char name[32];
    bench_group_t group;
} case_t;

static void set_side(bench_side_t *side, const char *name, bench_run_t *run, void *data, int count)
{
    side->name = name;
    side->run = run;
    side->data = data;
    side->count = count;
}

/* 0: nobody wants it.  The name is in two parts: "map 1 k", ", in place". */
static int begin_case(case_t *one, const char *name, const char *more)
{
    memset(one, 0, sizeof *one);
    snprintf(one->name, sizeof one->name, "%s%s", name, more);
    one->group.name = one->name;
    one->group.unit = "ns";
    one->group.unit_nanoseconds = 1;
    one->group.rounds = ROUNDS;
    return strstr(one->name, wanted) != NULL;
}

static bench_side_t *add_peer(case_t *one, const char *name, bench_run_t *run, void *data,
                              int count)
{
    bench_side_t *side = &one->group.peers[one->group.npeers++];

    set_side(side, name, run, data, count);
    return side;
}

static void add_openmp(case_t *one, map_t *map, int count)
{
    add_peer(one, "OpenMP", run_openmp, map, count)->missing = openmp_missing;
}

/* What peers/pool.py is asked to do. */
typedef struct python_t {
    const char *kind, *mode;
    int chunksize;
} python_t;

static double run_python(int count, void *data)
{
    const python_t *what = data;
    char arguments[64];

    snprintf(arguments, sizeof arguments, "%s %s %d %d", what->kind, what->mode, count,
             what->chunksize);
    return bench_python_with("pool.py", arguments);
}

static void add_python(case_t *one, const char *name, python_t *what, int count)
{
    add_peer(one, name, run_python, what, count)->rounds = PYTHON_ROUNDS;
}

/* A peer that takes just as long as is said, to have a limit that is a time. */
static double run_fixed(int count, void *data)
{
    return *(const double *)data * count;
}

static map_t map_of(const size_of_map_t *size, size_t chunksize)
{
    return (map_t){add_one, items, results, size->nitems, chunksize};
}

static const char *name_of(const size_of_map_t *size)
{
    static char name[16];

    snprintf(name, sizeof name, "map %s", size->name);
    return name;
}

static void run_later(const size_of_map_t *size)
{
    static python_t pool = {"Pool", "map", 0}, executor = {"Executor", "map", 0};
    map_t map = map_of(size, 0);
    case_t one;

    if (!begin_case(&one, name_of(size), ""))
        return;
    set_side(&one.group.ours, "mproc", run_ours, &map, size->count);
    add_peer(&one, "plain loop", run_loop, &map, size->count);
    add_openmp(&one, &map, size->count);
    if (size->nitems == 1000000) {
        add_python(&one, "Python Pool", &pool, size->nitems);
        add_python(&one, "Python Executor", &executor, size->nitems);
    }
    bench_group(&one.group);
}

static void run_above(const size_of_map_t *size)
{
    static double limit = 5;
    map_t map = map_of(size, 0);
    case_t one;

    if (!begin_case(&one, name_of(size), ", above the loop"))
        return;
    set_side(&one.group.ours, "mproc", run_ours_above, &map, size->count);
    add_peer(&one, "5 ns", run_fixed, &limit, size->count);
    bench_group(&one.group);
}

static void run_first(const size_of_map_t *size)
{
    map_t map = map_of(size, 0);
    case_t one;

    if (!begin_case(&one, name_of(size), ", first call"))
        return;
    set_side(&one.group.ours, "mproc", run_ours_first, &map, size->nitems);
    add_peer(&one, "plain loop", run_loop, &map, size->nitems);
    add_peer(&one, "mproc, later calls", run_ours, &map, size->count);
    bench_group(&one.group);
}

static void run_in_place(const size_of_map_t *size)
{
    size_t bytes = (size_t)size->nitems * sizeof *items;
    map_t map = map_of(size, 0), copied = map;
    int *shared_items;
    case_t one;

    if (!begin_case(&one, name_of(size), ", in place"))
        return;
    map.items = shared_items = ours_alloc(bytes);
    map.results = ours_alloc(bytes);
    memcpy(shared_items, items, bytes);
    set_side(&one.group.ours, "mproc", run_ours, &map, size->count);
    add_peer(&one, "plain loop", run_loop, &map, size->count);
    add_openmp(&one, &map, size->count);
    add_peer(&one, "mproc, copied", run_ours, &copied, size->count);
    bench_group(&one.group);
    ours_free(shared_items);
    ours_free(map.results);
}

static void run_chunk_1(const size_of_map_t *size)
{
    static python_t pool = {"Pool", "map", 1}, executor = {"Executor", "map", 1};
    static double limit = 100;
    map_t map = map_of(size, 1);
    case_t one;

    if (size->chunk_1_count == 0 || !begin_case(&one, name_of(size), ", chunk 1"))
        return;
    set_side(&one.group.ours, "mproc", run_ours, &map, size->chunk_1_count);
    add_peer(&one, "100 ns", run_fixed, &limit, size->chunk_1_count);
    add_openmp(&one, &map, size->chunk_1_count);
    if (size->nitems == 1000000) {
        add_python(&one, "Python Pool", &pool, 20000);
        add_python(&one, "Python Executor", &executor, 5000);
    }
    bench_group(&one.group);
}

/* An item is to add as much to a call of few as to one of many. */
static void run_flat(const size_of_map_t *few, const size_of_map_t *many)
{
    map_t map_few = map_of(few, 0), map_many = map_of(many, 0);
    case_t one;

    if (begin_case(&one, name_of(few), ", flat")) {
        set_side(&one.group.ours, "mproc", run_ours_added, &map_few, few->count);
        add_peer(&one, "mproc, 10 M", run_ours_added, &map_many, many->count);
        bench_group(&one.group);
    }
    if (begin_case(&one, name_of(many), ", flat")) {
        set_side(&one.group.ours, "mproc", run_ours_added, &map_many, many->count);
        add_peer(&one, "mproc, 10 k", run_ours_added, &map_few, few->count);
        bench_group(&one.group);
    }
}

static void run_submit(const char *name, int count)
{
    static python_t pool = {"Pool", "submit", 0}, executor = {"Executor", "submit", 0};
    static double limit = 1500;
    case_t one;

    if (!begin_case(&one, name, ""))
        return;
    set_side(&one.group.ours, "mproc", run_ours_submit, NULL, count);
    add_peer(&one, "1500 ns", run_fixed, &limit, count);
    add_python(&one, "Python Pool", &pool, 10000);
    add_python(&one, "Python Executor", &executor, 5000);
    bench_group(&one.group);
}

static void run_apply(const char *name, int count)
{
    static python_t pool = {"Pool", "apply", 0}, executor = {"Executor", "apply", 0};
    case_t one;

    if (!begin_case(&one, name, ""))
        return;
    set_side(&one.group.ours, "mproc", run_ours_apply, NULL, count);
    add_python(&one, "Python Pool", &pool, count);
    add_python(&one, "Python Executor", &executor, count);
    bench_group(&one.group);
}

static void run_imap(const char *name, size_t chunksize, int python_count)
{
    python_t pool = {"Pool", "imap", (int)chunksize};
    map_t map = {add_one, items, results, 100000, chunksize};
    case_t one;

    if (!begin_case(&one, name, ""))
        return;
    set_side(&one.group.ours, "mproc", run_ours_imap, &map, map.nitems);
    add_python(&one, "Python Pool", &pool, python_count);
    bench_group(&one.group);
}

/* OpenMP's threads take one item at a time, whatever ours take: none of them ends late. */
static void run_cpu_bound(const char *name, size_t chunksize)
{
    map_t map = {add_one_slowly, items, results, 500, chunksize}, dynamic = map;
    case_t one;

    if (!begin_case(&one, name, ""))
        return;
    dynamic.chunksize = 1;
    set_side(&one.group.ours, "mproc", run_ours, &map, map.nitems);
    add_openmp(&one, &dynamic, map.nitems);
    add_peer(&one, "plain loop", run_loop, &map, map.nitems);
    one.group.unit = "us";
    one.group.unit_nanoseconds = 1e3;
    bench_group(&one.group);
}

static void run_parts(void)
{
    size_t i;

    for (i = 0; i < COUNT_OF(sizes); i++)
        run_later(&sizes[i]);
    run_above(&sizes[3]);
    run_flat(&sizes[1], &sizes[4]);
    for (i = 0; i < COUNT_OF(sizes); i++)
        run_first(&sizes[i]);
    for (i = 0; i < COUNT_OF(sizes); i++)
        run_in_place(&sizes[i]);
    for (i = 0; i < COUNT_OF(sizes); i++)
        run_chunk_1(&sizes[i]);
    run_submit("apply_async x 100 k", 100000);
    run_apply("apply", 2000);
    run_imap("imap, chunk 1", 1, 20000);
    run_imap("imap, chunk 100", 100, 100000);
    run_cpu_bound("1 ms of work", 0);
    run_cpu_bound("1 ms of work, chunk 1", 1);
}

static void fill_items(apr_pool_t *mem)
{
    int i;

    items = apr_palloc(mem, ITEMS_MAX * sizeof *items);
    results = apr_palloc(mem, ITEMS_MAX * sizeof *results);
    for (i = 0; i < ITEMS_MAX; i++)
        items[i] = i;
    memset(results, 0, ITEMS_MAX * sizeof *results);
}

/* bench_pool [ROWS.json [PART]]: the cases whose names have this part, or all. */
int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    int code;

    mproc_init(&mem, &argc, &argv, pools_targets);
    if (argc > 2)
        wanted = argv[2];
    fill_items(mem);
    ours_begin(mem);
    bench_begin("pool", argc > 1 ? argv[1] : "pool.json");
    run_parts();
    code = bench_end();
    ours_end();
    return code;
}
