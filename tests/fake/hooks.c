/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory that is counted and runs out, and an exit() that ends a function only.
 */

#define MPROC_TESTS_FAKE_HOOKS_THEMSELVES
#include "hooks.h"
#include "internal.h"

#include "child.h"
#include "context.h"
#include "ending.h"
#include "exit_hooks.h"
#include "program.h"

#include <apr_general.h>

#include <string.h>

/* -- Memory ------------------------------------------------------------------------ */

enum { ROOTS = 8, BLOCKS = 256 };

static void *blocks[BLOCKS];
static int pools;
static apr_pool_t *roots[ROOTS]; /* without a parent */

int fake_blocks_count(void)
{
    int i, count = 0;

    for (i = 0; i < BLOCKS; i++)
        count += blocks[i] != NULL;
    return count;
}

/* In the place of another, or of none. */
static void remember_block(const void *old, void *block)
{
    int i = 0;

    while (i < BLOCKS && blocks[i] != old)
        i++;
    assert_true(i < BLOCKS);
    blocks[i] = block;
}

/* As at the end of a process. */
static void free_all(void)
{
    int i;

    for (i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

int fake_pools_count(void)
{
    return pools;
}

void *fake_realloc(void *block, size_t size)
{
    void *old = block, *grown = fake_call() == APR_SUCCESS ? realloc(block, size) : NULL;

    if (grown != NULL)
        remember_block(old, grown);
    return grown;
}

void *fake_malloc(size_t size)
{
    void *block = fake_call() == APR_SUCCESS ? malloc(size) : NULL;

    if (block != NULL)
        remember_block(NULL, block);
    return block;
}

void *fake_calloc(size_t count, size_t size)
{
    void *block = fake_call() == APR_SUCCESS ? calloc(count, size) : NULL;

    if (block != NULL)
        remember_block(NULL, block);
    return block;
}

void fake_free(void *block)
{
    if (block != NULL)
        remember_block(block, NULL);
    free(block);
}

static apr_status_t forget_pool(void *data)
{
    int i;

    pools--;
    for (i = 0; i < ROOTS; i++)
        if (roots[i] == data)
            roots[i] = NULL;
    return APR_SUCCESS;
}

static void remember_root(apr_pool_t *pool)
{
    int i = 0;

    while (i < ROOTS && roots[i] != NULL)
        i++;
    assert_true(i < ROOTS);
    roots[i] = pool;
}

/* As APR does when there is no memory. */
apr_status_t fake_pool_create(apr_pool_t **pool, apr_pool_t *parent)
{
    if (fake_call() != APR_SUCCESS)
        return APR_ENOMEM;
    MPROC_TRY(apr_pool_create(pool, parent));
    pools++;
    apr_pool_cleanup_register(*pool, *pool, forget_pool, apr_pool_cleanup_null);
    if (parent == NULL)
        remember_root(*pool);
    return APR_SUCCESS;
}

void fake_pools_destroy(void)
{
    int i;

    for (i = ROOTS - 1; i >= 0; i--)
        if (roots[i] != NULL)
            apr_pool_destroy(roots[i]);
}

/* -- Locks --------------------------------------------------------------------------- */

apr_status_t fake_mutex_create(apr_thread_mutex_t **mutex, unsigned flags, apr_pool_t *mem)
{
    MPROC_TRY(fake_call());
    return apr_thread_mutex_create(mutex, flags, mem);
}

apr_status_t fake_rwlock_create(apr_thread_rwlock_t **lock, apr_pool_t *mem)
{
    MPROC_TRY(fake_call());
    return apr_thread_rwlock_create(lock, mem);
}

apr_status_t fake_cond_create(apr_thread_cond_t **condition, apr_pool_t *mem)
{
    MPROC_TRY(fake_call());
    return apr_thread_cond_create(condition, mem);
}

/* -- The end of a process ---------------------------------------------------------------- */

static jmp_buf *way_back;
static int exit_code, has_handler;

int fake_run(void (*function)(void *data), void *data)
{
    jmp_buf here;

    exit_code = FAKE_CAME_BACK;
    way_back = &here;
    if (setjmp(here) == 0)
        function(data);
    way_back = NULL;
    return exit_code;
}

_Noreturn void fake_exit_at_once(int code)
{
    if (way_back == NULL)
        fail_msg("the library has ended the process with code %d", code);
    exit_code = code;
    longjmp(*way_back, 1);
}

int fake_atexit(void (*handler)(void))
{
    (void)handler;
    if (fake_call() != APR_SUCCESS)
        return -1;
    has_handler = 1;
    return 0;
}

/*
 * The library's only handler is that of init.c, which has an effect once in a process; here many
 * programs come and go in one, so it is done what that does.
 */
_Noreturn void fake_exit(int code)
{
    fake_copy_leave(code);
    if (has_handler && atomic_load(&mproc__program.phase) == MPROC__READY)
        mproc__leave();
    fake_exit_at_once(code);
}

/* -- Programs ------------------------------------------------------------------------------ */

typedef struct beginning_t {
    const mproc_target_t *targets;
    apr_pool_t *mem;
} beginning_t;

static void begin(void *data)
{
    static const char *const arguments[] = {"program", NULL};
    const char *const *argv = arguments;
    beginning_t *beginning = data;
    int argc = 1;

    mproc_init(&beginning->mem, &argc, &argv, beginning->targets);
}

apr_pool_t *fake_program_begin(const mproc_target_t *targets)
{
    beginning_t beginning = {targets, NULL};

    fake_pause();
    assert_int_equal(fake_run(begin, &beginning), FAKE_CAME_BACK);
    fake_resume();
    return beginning.mem;
}

/* What child.c knows goes as in a copy, which then finds no control channel to take. */
void fake_program_end(void)
{
    static const port_birth_t nowhere = {.control = PORT_NO_HANDLE};
    apr_pool_t *mem;

    fake_pause();
    assert_int_equal(apr_pool_create(&mem, NULL), APR_SUCCESS);
    assert_int_equal(mproc__child_begin_copy(&nowhere, mem), APR_EBADF);
    mproc__exit_hooks_forget();
    fake_pools_destroy();
    apr_pool_destroy(mem);
    free_all();
    memset(&mproc__program, 0, sizeof mproc__program);
    assert_int_equal(mproc__context_inherit(""), APR_SUCCESS);
    has_handler = 0;
    fake_resume();
    fake_reset();
}
