/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks for readers and writers: acquired, a number read or increased, and released.
 */

#include "syncs.h"

static int read_ours(void *object, int who, int count)
{
    uint64_t before = *(volatile uint64_t *)guarded;

    (void)object;
    (void)who;
    for (; count > 0; count--) {
        if (mproc_rwlock_acquire_read(ours.rwlock, MPROC_FOREVER) != APR_SUCCESS ||
            *(volatile uint64_t *)guarded != before ||
            mproc_rwlock_release(ours.rwlock) != APR_SUCCESS)
            return 0;
    }
    return 1;
}

static int write_ours(void *object, int who, int count)
{
    (void)object;
    (void)who;
    for (; count > 0; count--) {
        if (mproc_rwlock_acquire_write(ours.rwlock, MPROC_FOREVER) != APR_SUCCESS)
            return 0;
        ++*guarded;
        if (mproc_rwlock_release(ours.rwlock) != APR_SUCCESS)
            return 0;
    }
    return 1;
}

static int read_theirs(void *object, int who, int count)
{
    uint64_t before = *(volatile uint64_t *)guarded;

    (void)who;
    for (; count > 0; count--) {
        if (pthread_rwlock_rdlock(object) != 0 || *(volatile uint64_t *)guarded != before ||
            pthread_rwlock_unlock(object) != 0)
            return 0;
    }
    return 1;
}

static int write_theirs(void *object, int who, int count)
{
    (void)who;
    for (; count > 0; count--) {
        if (pthread_rwlock_wrlock(object) != 0)
            return 0;
        ++*guarded;
        if (pthread_rwlock_unlock(object) != 0)
            return 0;
    }
    return 1;
}

static sync_side_t readers[] = {{"mproc", read_ours, NULL, NULL},
                                {"pthread rwlock", read_theirs, NULL, NULL},
                                {NULL, NULL, NULL, NULL}};

static sync_side_t writers[] = {{"mproc", write_ours, NULL, NULL},
                                {"pthread rwlock", write_theirs, NULL, NULL},
                                {NULL, NULL, NULL, NULL}};

const sync_case_t rwlock_cases[] = {{"rwlock, read alone", NULL, NULL, 0, 1, readers},
                                    {"rwlock, write alone", NULL, NULL, 0, 1, writers},
                                    {"rwlock, two that read", NULL, NULL, 1, 1, readers},
                                    {"rwlock, two that write", NULL, NULL, 1, 1, writers},
                                    {NULL, NULL, NULL, 0, 0, NULL}};

void make_rwlocks(void)
{
    pthread_rwlock_t *rwlock = sync_memory(sizeof *rwlock);
    pthread_rwlockattr_t attributes;

    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(rwlock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    readers[1].object = writers[1].object = rwlock;
}
