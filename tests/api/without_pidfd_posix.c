/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs a test program where pidfds are refused, wholly or in part:
 *
 *     without_pidfd old-kernel|container|linux-5.3|no-signals program
 *
 * Where there are none at all MPROC_TEST_WITHOUT_PIDFDS is set for it.
 */

#include "refusing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct refusal_t {
    const char *where;
    long call;
    long first_argument;
    int error;
} refusal_t;

static const refusal_t refusals[] = {
    {"old-kernel", SYS_pidfd_open, ANY_ARGUMENT, ENOSYS},
    {"old-kernel", SYS_pidfd_send_signal, ANY_ARGUMENT, ENOSYS},
    {"container", SYS_pidfd_open, ANY_ARGUMENT, EPERM},
    {"container", SYS_pidfd_send_signal, ANY_ARGUMENT, EPERM},
    {"linux-5.3", SYS_waitid, P_PIDFD, EINVAL},
    {"no-signals", SYS_pidfd_send_signal, ANY_ARGUMENT, EPERM},
};

/* With arguments that would fail otherwise. */
static int is_refused(const refusal_t *refusal)
{
    errno = 0;
    return syscall(refusal->call, refusal->first_argument, -1L, NULL, 0L, NULL) == -1 &&
           errno == refusal->error;
}

/* How many calls are refused there: -1 if one cannot be. */
static int refuse_calls(const char *where)
{
    size_t i;
    int count = 0;

    for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const refusal_t *refusal = &refusals[i];

        if (strcmp(refusal->where, where) != 0)
            continue;
        if (refuse_call(refusal->call, refusal->first_argument, refusal->error) != 0 ||
            !is_refused(refusal))
            return -1;
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 3 || refuse_calls(argv[1]) <= 0) {
        fprintf(stderr, "nothing can be refused\n");
        return 1;
    }
    if (strcmp(argv[1], "old-kernel") == 0 || strcmp(argv[1], "container") == 0)
        setenv("MPROC_TEST_WITHOUT_PIDFDS", "1", 1);
    execv(argv[2], argv + 2);
    perror(argv[2]);
    return 1;
}
