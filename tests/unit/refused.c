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

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_queue_t *queue;
    mproc_process_t *process;
    struct point point = {1, 2};
    int number = neither(0);

    mproc_init(&mem, &argc, &argv, targets);
    MPROC_CHECK(unpack(mproc_values_create(mem)));
    MPROC_CHECK(mproc_queue_create(&queue, NULL, mem));
    MPROC_CHECK(use(queue, mproc_values_create(mem)));
    MPROC_CHECK(start(&process, pack(mem, "string", &point, mem, &number), mem));
    return 0;
}
