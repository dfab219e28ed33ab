/* SPDX-License-Identifier: Apache-2.0 */

/* Boost.Interprocess's message_queue, with as many messages as the rings have. */

#include "queues.h"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <cstdio>
#include <unistd.h>

using boost::interprocess::create_only;
using boost::interprocess::message_queue;

static void *create(const queue_use_t *use)
{
    char name[64];

    std::snprintf(name, sizeof name, "mproc-bench-%ld", (long)getpid());
    message_queue::remove(name);
    try {
        void *queue = new message_queue(create_only, name, use->capacity / use->message_size,
                                        use->message_size);
        message_queue::remove(name); /* copies of this process have the memory */
        return queue;
    } catch (...) {
        message_queue::remove(name);
        return nullptr;
    }
}

static int put(void *queue, const void *message, size_t size)
{
    try {
        static_cast<message_queue *>(queue)->send(message, size, 0);
        return 1;
    } catch (...) {
        return 0;
    }
}

static int get(void *queue, void *buffer, size_t size)
{
    message_queue::size_type received;
    unsigned priority;

    try {
        static_cast<message_queue *>(queue)->receive(buffer, size, received, priority);
        return received == size;
    } catch (...) {
        return 0;
    }
}

static void close_queue(void *queue)
{
    delete static_cast<message_queue *>(queue);
}

extern "C" const queue_kind_t queue_boost = {
    "Boost message_queue", nullptr, create, nullptr, put, get, nullptr, close_queue, 0, 0};
