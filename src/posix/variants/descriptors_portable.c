/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pairs on systems that set close-on-exec in a call of its own.  A program that
 * another thread starts by other means than mproc's in between inherits them;
 * mproc's own children do not, as everything unlisted is closed in them.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static apr_status_t keep_private(int pair[2], const int made[2])
{
    if (fcntl(made[0], F_SETFD, FD_CLOEXEC) != 0 || fcntl(made[1], F_SETFD, FD_CLOEXEC) != 0) {
        posix_close_pair(made);
        return APR_FROM_OS_ERROR(errno);
    }
    return posix_pair_above_stdio(pair, made);
}

/* Where send() has no flag against SIGPIPE, the socket has an option. */
static void silence_sigpipe(int descriptor)
{
#ifdef SO_NOSIGPIPE
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#else
    (void)descriptor;
#endif
}

apr_status_t posix_pipe(int pair[2])
{
    int made[2];

    if (pipe(made) != 0)
        return APR_FROM_OS_ERROR(errno);
    return keep_private(pair, made);
}

apr_status_t posix_socketpair(int pair[2])
{
    int made[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, made) != 0)
        return APR_FROM_OS_ERROR(errno);
    silence_sigpipe(made[0]);
    silence_sigpipe(made[1]);
    return keep_private(pair, made);
}

static void keep_rights_private(const struct cmsghdr *rights)
{
    const unsigned char *numbers = CMSG_DATA(rights);
    size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int), i;

    for (i = 0; i < count; i++) {
        int descriptor;

        memcpy(&descriptor, numbers + i * sizeof descriptor, sizeof descriptor);
        fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    }
}

ssize_t posix_recvmsg(int socket, struct msghdr *message, int flags)
{
    ssize_t got = recvmsg(socket, message, flags);
    struct cmsghdr *control;

    if (got < 0)
        return got;
    for (control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control))
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
            keep_rights_private(control);
    return got;
}
