/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A POSIX semaphore as a queue of messages that nobody moves: what it costs to say that
 * there is one, and to hear of it.
 */

#include "queues.h"

#include <semaphore.h>
#include <sys/mman.h>

static void *create(const queue_use_t *use)
{
    sem_t *semaphore = queue_memory(sizeof *semaphore);

    (void)use;
    return semaphore != NULL && sem_init(semaphore, 1, 0) == 0 ? semaphore : NULL;
}

static int put(void *queue, const void *message, size_t size)
{
    (void)message;
    (void)size;
    return sem_post(queue) == 0;
}

static int get(void *queue, void *buffer, size_t size)
{
    (void)buffer;
    (void)size;
    return sem_wait(queue) == 0;
}

static void close_semaphore(void *queue)
{
    munmap(queue, sizeof(sem_t));
}

const queue_kind_t queue_semaphore = {.name = "sem_t post + wait",
                                      .create = create,
                                      .put = put,
                                      .get = get,
                                      .close = close_semaphore};
