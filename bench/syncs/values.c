/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A shared number: increased under its lock, as Python's `with v.get_lock(): v.value += 1`, and
 * without one.
 */

#include "syncs.h"

/* What one would write without us: a number beside a mutex that goes on when its owner was killed. */
typedef struct number_t {
    pthread_mutex_t mutex;
    volatile uint64_t value;
} number_t;

static int run_value(void *object, int who, int count)
{
    volatile uint64_t *value = mproc_array_data(ours.value);
    mproc_lock_t *lock = mproc_array_lock(ours.value);

    (void)object;
    (void)who;
    for (; count > 0; count--) {
        if (mproc_lock_acquire(lock, MPROC_FOREVER) != APR_SUCCESS)
            return 0;
        ++*value;
        if (mproc_lock_release(lock) != APR_SUCCESS)
            return 0;
    }
    return 1;
}

static int run_raw_value(void *object, int who, int count)
{
    volatile uint64_t *value = mproc_array_data(ours.value);

    (void)object;
    (void)who;
    for (; count > 0; count--)
        ++*value;
    return 1;
}

static int run_number(void *object, int who, int count)
{
    number_t *number = object;

    (void)who;
    for (; count > 0; count--) {
        if (pthread_mutex_lock(&number->mutex) != 0)
            return 0;
        ++number->value;
        if (pthread_mutex_unlock(&number->mutex) != 0)
            return 0;
    }
    return 1;
}

static sync_side_t values[] = {{"mproc", run_value, NULL, NULL},
                               {"robust recursive mutex", run_number, NULL, NULL},
                               {NULL, NULL, NULL, NULL}};

static const sync_side_t raw_values[] = {{"mproc", run_raw_value, NULL, NULL},
                                         {NULL, NULL, NULL, NULL}};

const sync_case_t value_cases[] = {{"value, raw", "Python RawValue", "RawValue", 0, 1, raw_values},
                                   {"value, alone", "Python Value", "Value", 0, 1, values},
                                   {"value, two processes", "Python Value", "Value", 1, 1, values},
                                   {NULL, NULL, NULL, 0, 0, NULL}};

void make_values(void)
{
    number_t *number = sync_memory(sizeof *number);

    sync_mutex_make(&number->mutex, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST);
    values[1].object = number;
}
