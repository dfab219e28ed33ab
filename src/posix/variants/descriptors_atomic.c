/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pairs made with close-on-exec in the same system call: no program that
 * another thread starts meanwhile can inherit them.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

apr_status_t posix_pipe(int pair[2])
{
    int made[2];

    if (pipe2(made, O_CLOEXEC) != 0)
        return APR_FROM_OS_ERROR(errno);
    return posix_pair_above_stdio(pair, made);
}

apr_status_t posix_socketpair(int pair[2])
{
    int made[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, made) != 0)
        return APR_FROM_OS_ERROR(errno);
    return posix_pair_above_stdio(pair, made);
}

ssize_t posix_recvmsg(int socket, struct msghdr *message, int flags)
{
    return recvmsg(socket, message, flags | MSG_CMSG_CLOEXEC);
}
