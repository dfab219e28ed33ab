/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Code that must not compile, in C and in C++: compile.cmake compiles this file
 * as it is, which succeeds, and once with each of the macros below, which fails.
 */

#include <mproc.h>

struct point {
    int x, y;
};

static apr_status_t target(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static apr_status_t item(const void *from, void *result, mproc_task_t *task)
{
    (void)from, (void)result, (void)task;
    return APR_SUCCESS;
}

static int neither(int number)
{
    return number;
}

static const mproc_target_t targets[] = {MPROC_TARGET(target), MPROC_TARGET(item),
#ifdef A_ROW_WITH_A_FUNCTION_OF_ANOTHER_TYPE
                                         MPROC_TARGET(neither),
#endif
                                         MPROC_TARGETS_END};

static const mproc_pack_t *pack(apr_pool_t *mem, const char *string, struct point *point,
                                void *pointer, int *numbers)
{
    mproc_queue_t *queue = NULL;
    long double wide = 1;

    (void)queue, (void)string, (void)point, (void)pointer, (void)numbers, (void)wide;
#if defined(PACKING_A_POINTER_TO_VOID)
    return mproc_pack(mem, pointer);
#elif defined(PACKING_A_POINTER_TO_NUMBERS)
    return mproc_pack(mem, numbers);
#elif defined(PACKING_A_POINTER_TO_A_STRUCT)
    return mproc_pack(mem, point);
#elif defined(PACKING_A_POINTER_TO_A_QUEUE)
    return mproc_pack(mem, &queue);
#elif defined(PACKING_A_STRUCT)
    return mproc_pack(mem, *point);
#elif defined(PACKING_A_FUNCTION)
    return mproc_pack(mem, neither);
#elif defined(PACKING_A_LONG_DOUBLE)
    return mproc_pack(mem, wide);
#elif defined(PACKING_SEVENTEEN_VALUES)
    return mproc_pack(mem, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17);
#else
    return mproc_pack(mem, string, point->x, MPROC_BYTES(point, sizeof *point));
#endif
}

static apr_status_t unpack(mproc_values_t *values)
{
    const int constant = 0;
    int number = 0;
    char *string = NULL;
    void *pointer = NULL;
    mproc_queue_t *queue = NULL;

    (void)constant, (void)number, (void)string, (void)pointer, (void)queue;
#if defined(UNPACKING_INTO_A_CONSTANT)
    return MPROC_UNPACK(values, &constant);
#elif defined(UNPACKING_INTO_NO_ADDRESS)
    return MPROC_UNPACK(values, number);
#elif defined(UNPACKING_INTO_A_STRING_THAT_CAN_BE_WRITTEN)
    return MPROC_UNPACK(values, &string);
#elif defined(UNPACKING_INTO_A_POINTER)
    return MPROC_UNPACK(values, &pointer);
#elif defined(UNPACKING_INTO_A_QUEUE)
    return MPROC_UNPACK(values, queue);
#elif defined(UNPACKING_WHAT_HAS_NO_VALUES)
    return MPROC_UNPACK(&number, &number);
#else
    return MPROC_UNPACK(values, &number);
#endif
}

static apr_status_t use(mproc_queue_t *queue, mproc_values_t *values)
{
#if defined(WAITING_ON_VALUES)
    mproc_waitable_t what[] = {MPROC_WAITABLE(values)};
#else
    mproc_waitable_t what[] = {MPROC_WAITABLE(queue)};
#endif

    (void)values;
#if defined(PUTTING_A_VALUE_WITHOUT_A_PACK)
    MPROC_TRY(mproc_queue_put(queue, 42, 0));
#elif defined(PUTTING_VALUES_THAT_ARRIVED)
    MPROC_TRY(mproc_queue_put(queue, values, 0));
#endif
    return mproc_wait(what, 1, 0);
}

static apr_status_t start(mproc_process_t **process, const mproc_pack_t *args, apr_pool_t *mem)
{
#if defined(STARTING_AN_ITEM_FUNCTION)
    return mproc_process_start(process, item, args, NULL, mem);
#elif defined(STARTING_A_NAME)
    return mproc_process_start(process, "target", args, NULL, mem);
#else
    return mproc_process_start(process, target, args, NULL, mem);
#endif
}

static apr_status_t call(mproc_pool_t *workers, mproc_result_t **result, apr_pool_t *mem)
{
    const mproc_pack_t *const args[] = {MPROC_NO_ARGS};

#if defined(APPLYING_AN_ITEM_FUNCTION)
    MPROC_TRY(mproc_pool_apply(workers, item, MPROC_NO_ARGS, NULL, 0));
#elif defined(APPLYING_A_FUNCTION_OF_ANOTHER_TYPE)
    MPROC_TRY(mproc_pool_apply_async(result, workers, neither, MPROC_NO_ARGS, NULL, mem));
#elif defined(STARMAPPING_AN_ITEM_FUNCTION)
    MPROC_TRY(mproc_pool_starmap(result, workers, item, args, 1, 0, mem));
#else
    MPROC_TRY(mproc_pool_apply(workers, target, MPROC_NO_ARGS, NULL, 0));
    MPROC_TRY(mproc_pool_apply_async(result, workers, target, MPROC_NO_ARGS, NULL, mem));
#endif
    return mproc_pool_starmap_async(result, workers, target, args, 1, NULL, mem);
}

static apr_status_t map(mproc_pool_t *workers, mproc_imap_t **it, apr_pool_t *mem)
{
    static const struct point points[2] = {{1, 2}, {3, 4}};
    static const struct point *const pointers[2] = {&points[0], &points[1]};
    static const double rows[2][3] = {{1, 2, 3}, {4, 5, 6}};
    static const void *const anything = points;

    (void)pointers;
#if defined(MAPPING_A_TASK)
    MPROC_TRY(mproc_pool_map(workers, target, points, sizeof *points, NULL, 0, 2, 0));
#elif defined(MAPPING_A_FUNCTION_OF_ANOTHER_TYPE)
    MPROC_TRY(mproc_pool_map(workers, neither, points, sizeof *points, NULL, 0, 2, 0));
#elif defined(ITERATING_WITH_A_TASK)
    MPROC_TRY(mproc_pool_imap(it, workers, target, points, sizeof *points, 0, 2, NULL, mem));
#elif defined(MAPPING_AN_ARRAY_OF_POINTERS)
    MPROC_TRY(mproc_pool_map(workers, item, pointers, sizeof *pointers, NULL, 0, 2, 0));
#elif defined(ITERATING_OVER_AN_ARRAY_OF_POINTERS)
    MPROC_TRY(mproc_pool_imap(it, workers, item, pointers, sizeof *pointers, 0, 2, NULL, mem));
#else
    MPROC_TRY(mproc_pool_map(workers, item, points, sizeof *points, NULL, 0, 2, 0));
    MPROC_TRY(mproc_pool_map(workers, item, anything, sizeof *points, NULL, 0, 2, 0));
    MPROC_TRY(mproc_pool_map(workers, item, NULL, sizeof *points, NULL, 0, 0, 0));
    MPROC_TRY(mproc_pool_imap(it, workers, item, rows, sizeof *rows, 0, 2, NULL, mem));
#endif
    return mproc_pool_imap_unordered(it, workers, item, "text", 1, 0, 4, NULL, mem);
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_queue_t *queue;
    mproc_process_t *process;
    mproc_pool_t *workers;
    mproc_result_t *result;
    mproc_imap_t *it;
    struct point point = {1, 2};
    int number = neither(0);

    mproc_init(&mem, &argc, &argv, targets);
    MPROC_CHECK(unpack(mproc_values_create(mem)));
    MPROC_CHECK(mproc_queue_create(&queue, NULL, mem));
    MPROC_CHECK(use(queue, mproc_values_create(mem)));
    MPROC_CHECK(start(&process, pack(mem, "string", &point, mem, &number), mem));
    MPROC_CHECK(mproc_pool_create(&workers, 1, NULL, mem));
    MPROC_CHECK(call(workers, &result, mem));
    MPROC_CHECK(map(workers, &it, mem));
    return 0;
}
