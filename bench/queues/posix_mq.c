/* SPDX-License-Identifier: Apache-2.0 */

/* A POSIX message queue, with as many messages as the system allows. */

#include "queues.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A limit of the system, /proc/sys/fs/mqueue/<name>; 0 if there is none to be read. */
static long limit(const char *name)
{
    char path[64];
    long value = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld", &value) != 1)
        value = 0;
    fclose(file);
    return value;
}

static const char *refuses(const queue_use_t *use)
{
    long size = limit("msgsize_max");

    if (size == 0)
        return "this system has no POSIX message queues";
    return use->message_size > (size_t)size ? "the message is above the system's msgsize_max"
                                            : NULL;
}

static void *create(const queue_use_t *use)
{
    struct mq_attr attributes = {.mq_maxmsg = limit("msg_max"),
                                 .mq_msgsize = (long)use->message_size};
    mqd_t *queue = malloc(sizeof *queue);
    char name[64];

    if (queue == NULL)
        return NULL;
    snprintf(name, sizeof name, "/mproc-bench-%ld", (long)getpid());
    mq_unlink(name);
    *queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR, &attributes);
    mq_unlink(name);
    if (*queue == (mqd_t)-1) {
        free(queue);
        return NULL;
    }
    return queue;
}

static int put(void *queue, const void *message, size_t size)
{
    return mq_send(*(mqd_t *)queue, message, size, 0) == 0;
}

static int get(void *queue, void *buffer, size_t size)
{
    return mq_receive(*(mqd_t *)queue, buffer, size, NULL) == (ssize_t)size;
}

static void close_queue(void *queue)
{
    mq_close(*(mqd_t *)queue);
    free(queue);
}

const queue_kind_t queue_posix_mq = {.name = "POSIX mq",
                                     .refuses = refuses,
                                     .create = create,
                                     .put = put,
                                     .get = get,
                                     .close = close_queue};
