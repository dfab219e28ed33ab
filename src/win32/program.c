/* SPDX-License-Identifier: Apache-2.0 */

/*
 * This process: its number, its CPUs, its Ctrl-C; and the text of the whole
 * port, which is UTF-8 outside and UTF-16 inside.  File names and arguments may
 * hold half a surrogate pair; it is carried through as its three bytes (this is
 * called WTF-8), so that whatever Windows names can be named again.
 */

#include "internal.h"

#include <assert.h>
#include <psapi.h>

static char *put_code(char *out, uint32_t code)
{
    static const unsigned char lead[] = {0x00, 0xC0, 0xE0, 0xF0};
    int following = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;

    *out++ = (char)(lead[following] | (code >> 6 * following));
    while (following-- > 0)
        *out++ = (char)(0x80 | (code >> 6 * following & 0x3F));
    return out;
}

/* Returns what follows the character, or NULL when it is not UTF-8. */
static const char *take_code(const char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *in = (const unsigned char *)text;
    int i, following = in[0] < 0x80 ? 0 : in[0] < 0xE0 ? 1 : in[0] < 0xF0 ? 2 : 3;
    uint32_t value = following == 0 ? in[0] : in[0] & (0x3Fu >> following);

    if ((in[0] & 0xC0) == 0x80 || in[0] >= 0xF8)
        return NULL;
    for (i = 1; i <= following; i++) {
        if ((in[i] & 0xC0) != 0x80)
            return NULL;
        value = value << 6 | (in[i] & 0x3Fu);
    }
    if (value < least[following] || value > 0x10FFFF)
        return NULL;
    *code = value;
    return text + following + 1;
}

const char *win32_utf8(const WCHAR *text, apr_pool_t *mem)
{
    char *utf8 = apr_palloc(mem, wcslen(text) * 3 + 1);
    char *out = utf8;
    uint32_t code;

    while ((code = *text++) != 0) {
        if (IS_SURROGATE_PAIR(code, *text))
            code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)*text++ - 0xDC00);
        out = put_code(out, code);
    }
    *out = '\0';
    return utf8;
}

apr_status_t win32_utf16(WCHAR **wide, const char *text, apr_pool_t *mem)
{
    WCHAR *utf16 = apr_palloc(mem, (strlen(text) + 1) * sizeof *utf16);
    WCHAR *out = utf16;
    uint32_t code;

    while (*text != '\0') {
        text = take_code(text, &code);
        if (text == NULL)
            return win32_status(ERROR_NO_UNICODE_TRANSLATION);
        if (code >= 0x10000) {
            *out++ = (WCHAR)(0xD800 + ((code - 0x10000) >> 10));
            code = 0xDC00 + ((code - 0x10000) & 0x3FF);
        }
        *out++ = (WCHAR)code;
    }
    *out = 0;
    *wide = utf16;
    return APR_SUCCESS;
}

apr_int64_t port_pid(void)
{
    return GetCurrentProcessId();
}

/*
 * A process that has set no affinity may use the CPUs of all groups of 64
 * (SetThreadGroupAffinity()), though its mask shows one group's; the mask is 0
 * when its threads already are in several (GetProcessAffinityMask()).
 */
static int count_usable(int active)
{
    DWORD_PTR mine, all;
    int count = 0;

    if (GetProcessAffinityMask(GetCurrentProcess(), &mine, &all) && mine != all)
        for (; mine != 0; mine &= mine - 1)
            count++;
    return count > 0 ? count : active;
}

/* Younger than some headers: MinRate and MaxRate, which is the upper half, stand for CpuRate then. */
#ifndef JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE
#define JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE 0x10
#endif

/* Rates are in 1/10000 of all processors' time (JOBOBJECT_CPU_RATE_CONTROL_INFORMATION). */
int win32_rate_cpus(const JOBOBJECT_CPU_RATE_CONTROL_INFORMATION *limit, int active)
{
    DWORD rate = 0;

    if ((limit->ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_ENABLE) == 0)
        return 0;
    if (limit->ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP)
        rate = limit->CpuRate;
    else if (limit->ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE)
        rate = HIWORD(limit->CpuRate);
    return rate < 10000 ? ((int)rate * active + 9999) / 10000 : 0;
}

/* Of the job that this process is in, or the innermost of several; the others cannot be asked. */
static int count_granted(int active)
{
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION limit;

    if (!QueryInformationJobObject(NULL, JobObjectCpuRateControlInformation, &limit, sizeof limit,
                                   NULL))
        return 0;
    return win32_rate_cpus(&limit, active);
}

int port_cpu_count(void)
{
    DWORD counted = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    int active = counted > 0 ? (int)counted : 1;
    int usable = count_usable(active), granted = count_granted(active);

    return granted > 0 && granted < usable ? granted : usable;
}

/* The pages that it can touch without a fault (PROCESS_MEMORY_COUNTERS). */
apr_status_t port_resident_size(size_t *bytes)
{
    PROCESS_MEMORY_COUNTERS memory;

    if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory))
        return win32_last_error();
    *bytes = memory.WorkingSetSize;
    return APR_SUCCESS;
}

/* It is asked for by those who fork. */
int port_thread_count(void)
{
    return 0;
}

/* Handlers of Ctrl-C run in a thread of their own (HandlerRoutine): nothing is to be held back. */
void port_signals_hold(void)
{
}

void port_signals_release(void)
{
}

void port_signals_release_all(void)
{
}

/* The null handler is inherited by the programs that a process starts (SetConsoleCtrlHandler()). */
apr_status_t port_interrupt_ignore(void)
{
    return SetConsoleCtrlHandler(NULL, TRUE) ? APR_SUCCESS : win32_last_error();
}

apr_status_t port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    assert(before != NULL && in_parent != NULL && in_child != NULL);
    (void)before;
    (void)in_parent;
    (void)in_child;
    return APR_SUCCESS;
}
