/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_FAKE_HOOKS_H
#define MPROC_TESTS_FAKE_HOOKS_H

/*
 * Included before all else by the library's own sources, as tests/fake compiles
 * them: memory is counted and may run out, threads take turns, and exit() can be come back from.
 */

#include <apr_pools.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>
#include <apr_thread_rwlock.h>

#include <stdlib.h>

void *fake_malloc(size_t size);
void *fake_realloc(void *block, size_t size);
void *fake_calloc(size_t count, size_t size);
void fake_free(void *block);
apr_status_t fake_pool_create(apr_pool_t **pool, apr_pool_t *parent);
apr_status_t fake_mutex_create(apr_thread_mutex_t **mutex, unsigned flags, apr_pool_t *mem);
apr_status_t fake_rwlock_create(apr_thread_rwlock_t **lock, apr_pool_t *mem);
apr_status_t fake_cond_create(apr_thread_cond_t **condition, apr_pool_t *mem);
apr_status_t fake_thread_create(apr_thread_t **thread, apr_threadattr_t *attributes,
                                apr_thread_start_t function, void *data, apr_pool_t *pool);
apr_status_t fake_thread_join(apr_status_t *status, apr_thread_t *thread);
int fake_atexit(void (*handler)(void));
_Noreturn void fake_exit(int code);
_Noreturn void fake_exit_at_once(int code);

#ifndef MPROC_TESTS_FAKE_HOOKS_THEMSELVES
#define malloc fake_malloc
#define realloc fake_realloc
#define calloc fake_calloc
#define free fake_free
#undef apr_pool_create
#define apr_pool_create fake_pool_create
#define apr_thread_mutex_create fake_mutex_create
#define apr_thread_rwlock_create fake_rwlock_create
#define apr_thread_cond_create fake_cond_create
#define apr_thread_create fake_thread_create
#define apr_thread_join fake_thread_join
#define atexit fake_atexit
#define exit fake_exit
#define _Exit fake_exit_at_once
#endif

#endif
