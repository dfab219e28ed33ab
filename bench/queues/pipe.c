/* SPDX-License-Identifier: Apache-2.0 */

/* A pipe, with as much room as the rings have. */

#include "queues.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct pipe_t {
    int read_end, write_end;
} pipe_t;

static const char *refuses(const queue_use_t *use)
{
    return (use->putters > 1 || use->getters > 1) && use->message_size > PIPE_BUF
               ? "larger messages than 4 KiB mix when several write"
               : NULL;
}

static void *create(const queue_use_t *use)
{
    pipe_t *both = malloc(sizeof *both);
    int ends[2];

    if (both == NULL || pipe(ends) != 0) {
        free(both);
        return NULL;
    }
    fcntl(ends[1], F_SETPIPE_SZ, (int)use->capacity);
    both->read_end = ends[0];
    both->write_end = ends[1];
    return both;
}

static int put(void *queue, const void *message, size_t size)
{
    pipe_t *both = queue;

    return write(both->write_end, message, size) == (ssize_t)size;
}

static int get(void *queue, void *buffer, size_t size)
{
    pipe_t *both = queue;
    size_t done = 0;

    while (done < size) {
        ssize_t part = read(both->read_end, (char *)buffer + done, size - done);
        if (part <= 0)
            return 0;
        done += (size_t)part;
    }
    return 1;
}

static void close_pipe(void *queue)
{
    pipe_t *both = queue;

    close(both->read_end);
    close(both->write_end);
    free(both);
}

const queue_kind_t queue_pipe = {.name = "pipe",
                                 .refuses = refuses,
                                 .create = create,
                                 .put = put,
                                 .get = get,
                                 .close = close_pipe};
