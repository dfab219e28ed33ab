// SPDX-License-Identifier: Apache-2.0

// Code that must compile in C++ as it does in C: compile.cmake compiles it once
// with each of the macros below.

#include <mproc.h>

enum colour { RED, GREEN };

const mproc_pack_t *pack(apr_pool_t *mem, colour what);
apr_status_t unpack(mproc_values_t *values);

const mproc_pack_t *pack(apr_pool_t *mem, colour what)
{
    (void)what;
#if defined(A_PACK_ALONE_IN_A_PACK)
    return mproc_pack(mem, MPROC_PACK(MPROC_PACK(7)));
#elif defined(PACKING_AN_ENUMERATION)
    return mproc_pack(mem, what);
#elif defined(PACKING_BITS_AND_CONSTANTS)
    struct bits {
        unsigned some : 3;
    } bits = {5};
    const volatile long constant = 7;
    return mproc_pack(mem, +bits.some, constant, 'c', L'w', u'x', sizeof bits, 1 == 2);
#else
    return mproc_pack(mem, MPROC_BOOL(true), MPROC_NONE);
#endif
}

#if defined(CALLING_BY_A_POOL)
// All of pool.h, so that no macro or initializer of it is C's alone.
apr_status_t task(mproc_task_t *task);
apr_status_t item(const void *from, void *to, mproc_task_t *task);
apr_status_t source(void *to, void *data);
void callback(mproc_result_t *result, apr_status_t status, void *data);
apr_status_t call(mproc_pool_t *workers, mproc_values_t *values, apr_pool_t *mem);
apr_status_t map(mproc_pool_t *workers, apr_pool_t *mem);
apr_status_t iterate(mproc_pool_t *workers, apr_pool_t *mem);
apr_status_t all(mproc_values_t *values, apr_pool_t *mem);

const mproc_target_t targets[] = {MPROC_TARGET(task), MPROC_TARGET(item), MPROC_TARGETS_END};

apr_status_t call(mproc_pool_t *workers, mproc_values_t *values, apr_pool_t *mem)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    const mproc_pack_t *const args[] = {mproc_pack(mem, 1, "two"), mproc_pack(mem, 3, "four")};
    mproc_result_t *result;
    int number;

    options.callback = options.error_callback = callback;
    MPROC_TRY(mproc_pool_apply(workers, task, MPROC_PACK(1, "two"), values, MPROC_FOREVER));
    MPROC_TRY(mproc_pool_apply(workers, task, MPROC_NO_ARGS, nullptr, 0));
    MPROC_TRY(mproc_pool_apply_async(&result, workers, task, MPROC_PACK(true), &options, mem));
    MPROC_TRY(mproc_pool_starmap_async(&result, workers, task, args, 2, nullptr, mem));
    MPROC_TRY(mproc_pool_starmap(&result, workers, task, args, 2, MPROC_FOREVER, mem));
    MPROC_TRY(MPROC_UNPACK(result, &number));
    MPROC_TRY(MPROC_UNPACK(mproc_result_values(result, 1), &number));
    MPROC_TRY(mproc_result_wait(result, 0));
    MPROC_TRY(mproc_result_item_status(result, 1));
    if (mproc_result_ready(result) && mproc_result_successful(result))
        return mproc_result_cancel(result);
    mproc_result_close(result);
    return mproc_error_set(mproc_result_get(result, 0), "%s", mproc_result_error(result));
}

apr_status_t map(mproc_pool_t *workers, apr_pool_t *mem)
{
    static const double rows[2][3] = {};
    mproc_result_t *result;
    double sums[2];
    void *memory;

    MPROC_TRY(mproc_pool_alloc(&memory, workers, sizeof rows));
    MPROC_TRY(mproc_pool_map(workers, item, memory, sizeof *rows, sums, sizeof *sums, 2, 0));
    MPROC_TRY(mproc_pool_map_async(&result, workers, item, rows, sizeof *rows, sums, sizeof *sums,
                                   2, nullptr, mem));
    return mproc_pool_free(workers, memory);
}

apr_status_t iterate(mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it;
    std::size_t index;
    int number;

    options.source = source;
    MPROC_TRY(mproc_pool_imap(&it, workers, item, nullptr, 4, 4, 0, &options, mem));
    MPROC_TRY(mproc_imap_next(it, &index, &number, MPROC_FOREVER));
    mproc_imap_close(it);
    return mproc_pool_imap_unordered(&it, workers, item, "text", 1, 0, 4, nullptr, mem);
}

apr_status_t all(mproc_values_t *values, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    apr_int64_t pids[MPROC_WORKERS_MAX];
    mproc_pool_t *workers;
    std::size_t count;

    options.initializer = task;
    options.retries = MPROC_RETRY_FOREVER;
    options.start_method = "spawn";
    options.progress = mproc_progress_bar;
    options.engine = MPROC_ENGINE_LOCAL;
    MPROC_TRY(mproc_pool_create(&workers, 2, &options, mem));
    MPROC_TRY(call(workers, values, mem));
    MPROC_TRY(map(workers, mem));
    MPROC_TRY(iterate(workers, mem));
    MPROC_TRY(mproc_pool_resize(workers, 3));
    MPROC_TRY(mproc_pool_pids(workers, pids, MPROC_WORKERS_MAX, &count));
    MPROC_TRY(mproc_pool_close(workers));
    MPROC_TRY(mproc_pool_join(workers, MPROC_FOREVER));
    return mproc_pool_terminate(workers);
}
#endif

apr_status_t unpack(mproc_values_t *values)
{
    std::size_t size;
    wchar_t wide;
    bool truth;

    return MPROC_UNPACK(values, &size, &wide, &truth);
}
