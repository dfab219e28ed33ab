/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rows of a benchmark: medians, the ratio of the medians, and the smallest and
 * largest ratio of one run to the peer's run next to it.
 */

#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MAX 101

/* Operations a run, where the time of a run is given and not their count. */
#define COUNT_MIN 1000
#define COUNT_MAX 4000000

static struct {
    const char *suite;
    FILE *json;
    int rows;
    int has_failed;
} state;

double bench_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

double bench_python(const char *script, int count, long argument)
{
    char arguments[64];

    snprintf(arguments, sizeof arguments, "%d %ld", count, argument);
    return bench_python_with(script, arguments);
}

double bench_python_with(const char *script, const char *arguments)
{
    char command[1024];
    double nanoseconds = -1;
    FILE *output;

    snprintf(command, sizeof command, "python3 '%s/%s' %s", PEERS, script, arguments);
    output = popen(command, "r");
    if (output == NULL)
        return -1;
    if (fscanf(output, "%lf", &nanoseconds) != 1)
        nanoseconds = -1;
    return pclose(output) == 0 ? nanoseconds : -1;
}

void bench_begin(const char *suite, const char *json_path)
{
    state.suite = suite;
    state.json = fopen(json_path, "w");
    if (state.json == NULL) {
        perror(json_path);
        exit(1);
    }
    fprintf(state.json, "[");
    printf("%-26s %-24s %11s %11s %8s %17s\n", suite, "peer", "ours", "peer", "ratio",
           "ratio min..max");
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

/* The times of one side, in the order of its rounds; sorted only when all of them are there. */
typedef struct series_t {
    double times[ROUNDS_MAX];
    int count; /* operations a run */
    int rounds;
} series_t;

static void sort(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
}

static void begin_row(const bench_group_t *what, const char *peer_name)
{
    fprintf(state.json,
            "%s\n  {\"suite\": \"%s\", \"case\": \"%s\", \"peer_name\": \"%s\", \"unit\": \"%s\", ",
            state.rows++ > 0 ? "," : "", state.suite, what->name, peer_name, what->unit);
    printf("%-26s %-24s ", what->name, peer_name);
}

static void write_missing(const bench_group_t *what, const bench_side_t *peer)
{
    begin_row(what, peer->name);
    fprintf(state.json, "\"ratio\": null, \"reason\": \"%s\"}", peer->missing);
    printf("not measured: %s\n", peer->missing);
    fflush(stdout);
}

static void write_row(const bench_group_t *what, const bench_side_t *peer, series_t ours,
                      series_t theirs)
{
    int pairs = ours.rounds < theirs.rounds ? ours.rounds : theirs.rounds, i;
    double ratios[ROUNDS_MAX], our_median, their_median;

    for (i = 0; i < pairs; i++)
        ratios[i] = ours.times[i] / theirs.times[i];
    sort(ratios, pairs);
    sort(ours.times, ours.rounds);
    sort(theirs.times, theirs.rounds);
    our_median = ours.times[ours.rounds / 2];
    their_median = theirs.times[theirs.rounds / 2];
    begin_row(what, peer->name);
    fprintf(
        state.json,
        "\"ours\": %.4f, \"ours_min\": %.4f, \"ours_max\": %.4f, \"peer\": %.4f, "
        "\"peer_min\": %.4f, \"peer_max\": %.4f, \"ratio\": %.4f, \"min\": %.4f, \"max\": %.4f}",
        our_median, ours.times[0], ours.times[ours.rounds - 1], their_median, theirs.times[0],
        theirs.times[theirs.rounds - 1], our_median / their_median, ratios[0], ratios[pairs - 1]);
    printf("%8.2f %-2s %8.2f %-2s %8.4f %8.4f..%.4f\n", our_median, what->unit, their_median,
           what->unit, our_median / their_median, ratios[0], ratios[pairs - 1]);
    fflush(stdout);
}

static double measure(const bench_group_t *what, const bench_side_t *side, int count)
{
    double nanoseconds = side->run(count, side->data);

    if (nanoseconds < 0) {
        fprintf(stderr, "%s, %s, %s: a run failed\n", state.suite, what->name, side->name);
        state.has_failed = 1;
    }
    return nanoseconds / count / what->unit_nanoseconds;
}

static int within_bounds(double count)
{
    return !(count > COUNT_MIN) ? COUNT_MIN : count > COUNT_MAX ? COUNT_MAX : (int)count;
}

/*
 * How many operations take as long as a run is to: by runs of more and more, as of few one would
 * see how long it takes to begin.
 */
static int fitting_count(const bench_group_t *what, const bench_side_t *side)
{
    double wanted = what->run_nanoseconds, taken;
    int count = COUNT_MIN;

    for (;;) {
        taken = measure(what, side, count) * what->unit_nanoseconds * count;
        if (taken > wanted / 3 || count == COUNT_MAX || state.has_failed)
            return within_bounds(count * wanted / taken);
        count = within_bounds(4.0 * count);
    }
}

/* Runs that do not count, to warm up; they tell how many operations a run is to have. */
static int warm_up(const bench_group_t *what, const bench_side_t *side)
{
    if (side->count == 0)
        return fitting_count(what, side);
    if (side == &what->ours)
        side->run(side->count / 10 + 1, side->data);
    return side->count;
}

static void measure_rounds(const bench_group_t *what, series_t *ours, series_t *theirs)
{
    int round;
    size_t i;

    for (round = 0; round < what->rounds && round < ROUNDS_MAX; round++) {
        ours->times[ours->rounds++] = measure(what, &what->ours, ours->count);
        for (i = 0; i < what->npeers && !state.has_failed; i++) {
            const bench_side_t *peer = &what->peers[i];
            if (peer->missing == NULL && (peer->rounds == 0 || round < peer->rounds))
                theirs[i].times[theirs[i].rounds++] = measure(what, peer, theirs[i].count);
        }
        if (state.has_failed)
            return;
    }
}

void bench_group(const bench_group_t *what)
{
    static series_t ours, theirs[BENCH_PEERS_MAX];
    size_t i;

    memset(&ours, 0, sizeof ours);
    memset(theirs, 0, sizeof theirs);
    ours.count = warm_up(what, &what->ours);
    for (i = 0; i < what->npeers && !state.has_failed; i++)
        if (what->peers[i].missing == NULL)
            theirs[i].count = warm_up(what, &what->peers[i]);
    if (!state.has_failed)
        measure_rounds(what, &ours, theirs);
    for (i = 0; i < what->npeers && !state.has_failed; i++) {
        if (what->peers[i].missing != NULL)
            write_missing(what, &what->peers[i]);
        else
            write_row(what, &what->peers[i], ours, theirs[i]);
    }
}

void bench_case(const bench_case_t *what)
{
    bench_group_t group = {
        .name = what->name,
        .unit = what->unit,
        .unit_nanoseconds = what->unit_nanoseconds,
        .rounds = what->rounds,
        .ours = {.name = "mproc", .run = what->ours, .data = what->data, .count = what->count},
        .npeers = 1};

    group.peers[0].name = what->peer_name;
    group.peers[0].run = what->peer;
    group.peers[0].data = what->data;
    group.peers[0].count = what->peer_count > 0 ? what->peer_count : what->count;
    bench_group(&group);
}

int bench_end(void)
{
    fprintf(state.json, "\n]\n");
    return fclose(state.json) == 0 && !state.has_failed ? 0 : 1;
}
