/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A producer and a consumer, and a queue between them.  The producer is faster;
 * the queue keeps what the consumer has not got to yet.
 */

#include <mproc.h>

#include <apr_time.h>

#include <stdio.h>

/* Lines of two processes come as they are printed, also where the output is no terminal. */
#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

static apr_status_t producer(mproc_task_t *task)
{
    static const char *const items[] = {"data1", "data2", "data3", "data4"};
    mproc_queue_t *queue;
    size_t i;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    for (i = 0; i < sizeof items / sizeof items[0]; i++) {
        SAY("Producer: Putting %s into queue.\n", items[i]);
        MPROC_TRY(mproc_queue_put(queue, MPROC_PACK(items[i]), MPROC_FOREVER));
        apr_sleep(apr_time_from_msec(500));
    }
    return mproc_queue_put(queue, MPROC_PACK(MPROC_NONE), MPROC_FOREVER); /* the sentinel */
}

static apr_status_t consumer(mproc_task_t *task)
{
    mproc_values_t *message = mproc_values_create(mproc_task_mem(task));
    mproc_queue_t *queue;
    const char *item;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    for (;;) {
        MPROC_TRY(mproc_queue_get(queue, message, MPROC_FOREVER)); /* the same storage each time */
        if (mproc_values_is_none(message, 0))
            break;
        MPROC_TRY(MPROC_UNPACK(message, &item));
        SAY("Consumer: Got %s from queue. Processing...\n", item);
        apr_sleep(apr_time_from_msec(700));
    }
    SAY("Consumer: Finished.\n");
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(producer), MPROC_TARGET(consumer),
                                         MPROC_TARGETS_END};

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_queue_t *queue;
    mproc_process_t *one, *other;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a child goes no further */

    SAY("Main process: Setting up producer-consumer with Queue.\n");
    MPROC_CHECK(mproc_queue_create(&queue, NULL, mem));
    MPROC_CHECK(mproc_process_start(&one, producer, MPROC_PACK(queue), NULL, mem));
    MPROC_CHECK(mproc_process_start(&other, consumer, MPROC_PACK(queue), NULL, mem));
    MPROC_CHECK(mproc_process_join(one, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_join(other, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_status(one));
    MPROC_CHECK(mproc_process_status(other));
    SAY("Main process: Producer and Consumer processes finished.\n");
    return 0;
}
