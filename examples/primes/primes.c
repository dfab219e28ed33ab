/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Counts the primes below a limit: a pool sieves ranges of numbers, each small
 * enough for a CPU's cache.
 */

#include <mproc.h>

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>

#define RANGE_SIZE (1 << 18)
#define LIMIT_MAX APR_INT64_C(10000000000)

typedef struct range_t {
    apr_int64_t from, to; /* to itself is not in it */
} range_t;

/* -- In a worker --------------------------------------------------------------- */

/* The first multiple of a prime in a range that no smaller prime crosses out. */
static apr_int64_t first_multiple(apr_int64_t prime, const range_t *range)
{
    apr_int64_t multiple = (range->from + prime - 1) / prime * prime;

    return multiple > prime * prime ? multiple : prime * prime;
}

static apr_int64_t root_of(apr_int64_t number)
{
    apr_int64_t root = 1;

    while (root * root < number)
        root++;
    return root;
}

/* The sieve of Eratosthenes, of two pieces at once: the range, and the numbers up to its root. */
static apr_status_t count_primes(const void *item, void *result, mproc_task_t *task)
{
    const range_t *range = item;
    apr_int64_t root = root_of(range->to), count = 0, prime, n;
    char *small = apr_pcalloc(mproc_task_mem(task), (apr_size_t)root + 1);
    char *crossed = apr_pcalloc(mproc_task_mem(task), (apr_size_t)(range->to - range->from));

    for (prime = 2; prime <= root; prime++) {
        if (small[prime])
            continue;
        for (n = prime * prime; n <= root; n += prime)
            small[n] = 1;
        for (n = first_multiple(prime, range); n < range->to; n += prime)
            crossed[n - range->from] = 1;
    }
    for (n = range->from; n < range->to; n++)
        count += !crossed[n - range->from];
    *(apr_int64_t *)result = count;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(count_primes), MPROC_TARGETS_END};

/* -- In the program ------------------------------------------------------------ */

/* Cuts the numbers from 2 up to a limit into ranges, and returns how many. */
static size_t make_ranges(range_t **ranges, apr_int64_t limit, apr_pool_t *mem)
{
    size_t count = 0;
    apr_int64_t from;

    *ranges = apr_palloc(mem, (apr_size_t)(limit / RANGE_SIZE + 1) * sizeof **ranges);
    for (from = 2; from < limit; from += RANGE_SIZE) {
        (*ranges)[count].from = from;
        (*ranges)[count++].to = from + RANGE_SIZE < limit ? from + RANGE_SIZE : limit;
    }
    return count;
}

static apr_int64_t parse_limit(int argc, const char *const *argv)
{
    char *end = NULL;
    apr_int64_t limit = argc == 2 ? apr_strtoi64(argv[1], &end, 10) : -1;

    if (limit < 0 || limit > LIMIT_MAX || end == argv[1] || *end != '\0') {
        fprintf(stderr, "usage: primes LIMIT\nCounts the primes below LIMIT: 0 to 10^10.\n");
        exit(2);
    }
    return limit;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_pool_t *workers;
    range_t *ranges;
    apr_int64_t limit, *counts, total = 0;
    size_t nranges, i;

    mproc_init(&mem, &argc, &argv, targets);
    limit = parse_limit(argc, argv);
    nranges = make_ranges(&ranges, limit, mem);
    counts = apr_palloc(mem, nranges * sizeof *counts);

    MPROC_CHECK(mproc_pool_create(&workers, 0, NULL, mem));
    MPROC_CHECK(mproc_pool_map(workers, count_primes, ranges, sizeof *ranges, counts,
                               sizeof *counts, nranges, MPROC_FOREVER));
    for (i = 0; i < nranges; i++)
        total += counts[i];
    printf("%lld primes below %lld\n", (long long)total, (long long)limit);
    apr_pool_destroy(mem);
    return 0;
}
