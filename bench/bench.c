/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rows of a benchmark: medians, the ratio of the medians, and the smallest and
 * largest ratio of one run to the peer's run next to it.
 */

#include "bench.h"

#include <stdlib.h>
#include <time.h>

#define ROUNDS_MAX 101

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
    char command[1024];
    double nanoseconds = -1;
    FILE *output;

    snprintf(command, sizeof command, "python3 '%s/%s' %d %ld", PEERS, script, count, argument);
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
    printf("%-16s %-28s %10s %10s %8s %17s\n", suite, "peer", "ours", "peer", "ratio",
           "ratio min..max");
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static void write_row(const bench_case_t *what, double ours, double peer, double low, double high)
{
    fprintf(state.json,
            "%s\n  {\"suite\": \"%s\", \"case\": \"%s\", \"unit\": \"%s\", \"ours\": %.4f, "
            "\"peer\": %.4f, "
            "\"peer_name\": \"%s\", \"ratio\": %.4f, \"min\": %.4f, \"max\": %.4f}",
            state.rows++ > 0 ? "," : "", state.suite, what->name, what->unit, ours, peer,
            what->peer_name, ours / peer, low, high);
    printf("%-16s %-28s %7.2f %-2s %7.2f %-2s %8.4f %8.4f..%.4f\n", what->name, what->peer_name,
           ours, what->unit, peer, what->unit, ours / peer, low, high);
    fflush(stdout);
}

static double measure(bench_run_t *run, int count, const bench_case_t *what)
{
    double nanoseconds = run(count, what->data);

    if (nanoseconds < 0) {
        fprintf(stderr, "%s, %s, against %s: a run failed\n", state.suite, what->name,
                what->peer_name);
        state.has_failed = 1;
    }
    return nanoseconds / count / what->unit_nanoseconds;
}

void bench_case(const bench_case_t *what)
{
    double ours[ROUNDS_MAX], peer[ROUNDS_MAX], ratios[ROUNDS_MAX];
    int peer_count = what->peer_count > 0 ? what->peer_count : what->count, i;

    what->ours(what->count / 10 + 1, what->data); /* a run that does not count, to warm up */
    for (i = 0; i < what->rounds && i < ROUNDS_MAX; i++) {
        ours[i] = measure(what->ours, what->count, what);
        peer[i] = measure(what->peer, peer_count, what);
        if (state.has_failed)
            return;
        ratios[i] = ours[i] / peer[i];
    }
    median(ratios, i);
    write_row(what, median(ours, i), median(peer, i), ratios[0], ratios[i - 1]);
}

int bench_end(void)
{
    fprintf(state.json, "\n]\n");
    return fclose(state.json) == 0 && !state.has_failed ? 0 : 1;
}
