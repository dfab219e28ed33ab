/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A filter of system calls: seccomp(2).  It stays for good, and goes through exec.
 */

#include "refusing.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offset))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (unsigned)(value))
#define SKIP_UNLESS(value, steps) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, steps)
#define SKIP_IF(value, steps) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), steps, 0)

/* A filter looks at 32 bits at a time: where the lower ones of an argument lie. */
static size_t lower_half(void)
{
    const unsigned long long one = 1;
    unsigned int first;

    memcpy(&first, &one, sizeof first);
    return first == 1 ? 0 : sizeof first;
}

int refuse_call(long call, long first_argument, int error)
{
    struct sock_filter steps[] = {
        LOAD(offsetof(struct seccomp_data, nr)),
        SKIP_UNLESS(call, 3),
        LOAD(offsetof(struct seccomp_data, args) + lower_half()),
        first_argument == ANY_ARGUMENT ? (struct sock_filter)SKIP_IF(0, 0)
                                       : (struct sock_filter)SKIP_UNLESS(first_argument, 1),
        RETURN(SECCOMP_RET_ERRNO | (unsigned)error),
        RETURN(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof steps / sizeof steps[0], .filter = steps};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}
