/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting a process: CreateProcess() with a list of the handles that it gets,
 * and in a job of its own that ends it when this process ends, however that
 * ends, as only this process has a handle of the job.  What the child starts is
 * in that job too, and ends when the job does unless it has broken away.
 *
 * A handle in the list must be inheritable, and then whatever another thread
 * starts in this moment, by other means, gets it as well.  So the caller's
 * handles are left as they are, and copies live for the shortest time: under a
 * lock, so that a second start here does not find the copies of the first.
 */

#include "internal.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <assert.h>

/* What a child inherits, in this order. */
enum { COPY_STDIN, COPY_STDOUT, COPY_STDERR, COPY_PARENT, COPY_REQUESTED };

typedef struct launch_t {
    const port_spawn_t *request;
    WCHAR *program;
    WCHAR *folder;      /* or NULL */
    WCHAR *environment; /* or NULL */
    WCHAR *line;
    HANDLE job; /* or NULL */
    HANDLE *copies;
    size_t ncopies; /* so many are open */
    PROCESS_INFORMATION born;
} launch_t;

static SRWLOCK copies_lock = SRWLOCK_INIT;

/* Everything that concerns this start only is made before the lock is taken. */
static apr_status_t describe(launch_t *launch, port_stage_t *stage, apr_pool_t *mem)
{
    const port_spawn_t *request = launch->request;
    apr_status_t rv = APR_SUCCESS;

    launch->copies = apr_palloc(mem, (COPY_REQUESTED + request->nhandles) * sizeof *launch->copies);
    *stage = PORT_STAGE_FOLDER;
    if (request->folder != NULL)
        rv = win32_folder_path(&launch->folder, request->folder, mem);
    if (rv != APR_SUCCESS)
        return rv;
    *stage = PORT_STAGE_PROGRAM;
    rv = win32_program_path(&launch->program, request->executable, mem);
    if (rv == APR_SUCCESS && request->environment != NULL)
        rv = win32_environment_block(&launch->environment, request->environment, mem);
    return rv;
}

/*
 * Breaking away is allowed, as a detached grandchild needs it.  A crash ends the
 * child at once; without the flag a window may wait for somebody to click
 * (JOBOBJECT_BASIC_LIMIT_INFORMATION).
 */
static apr_status_t make_job(launch_t *launch)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};

    if (launch->request->is_detached)
        return APR_SUCCESS;
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE |
                                              JOB_OBJECT_LIMIT_BREAKAWAY_OK |
                                              JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
    launch->job = CreateJobObjectW(NULL, NULL);
    if (launch->job == NULL ||
        !SetInformationJobObject(launch->job, JobObjectExtendedLimitInformation, &limits,
                                 sizeof limits))
        return win32_last_error();
    return APR_SUCCESS;
}

static apr_status_t add_copy(launch_t *launch, HANDLE handle, DWORD access)
{
    apr_status_t rv = win32_copy_inheritable(&launch->copies[launch->ncopies], handle, access);

    launch->ncopies += rv == APR_SUCCESS;
    return rv;
}

static apr_status_t add_null_device(launch_t *launch, DWORD access)
{
    apr_status_t rv = win32_open_null_device(&launch->copies[launch->ncopies], access);

    launch->ncopies += rv == APR_SUCCESS;
    return rv;
}

/*
 * A program with windows and a service have none of these, or what is left of some
 * (GetStdHandle()).
 */
static apr_status_t add_output(launch_t *launch, DWORD which)
{
    HANDLE output = GetStdHandle(which);

    if (win32_is_handle(output) && add_copy(launch, output, SAME_ACCESS) == APR_SUCCESS)
        return APR_SUCCESS;
    return add_null_device(launch, GENERIC_WRITE | FILE_READ_ATTRIBUTES);
}

/*
 * Copies have numbers of their own, so that no handle is in the list twice: that would be
 * refused.
 */
static apr_status_t add_copies(launch_t *launch)
{
    const port_spawn_t *request = launch->request;
    apr_status_t rv = add_null_device(launch, GENERIC_READ);
    size_t i;

    if (rv == APR_SUCCESS)
        rv = add_output(launch, STD_OUTPUT_HANDLE);
    if (rv == APR_SUCCESS)
        rv = add_output(launch, STD_ERROR_HANDLE);
    if (rv == APR_SUCCESS)
        rv = add_copy(launch, GetCurrentProcess(), SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION);
    for (i = 0; rv == APR_SUCCESS && i < request->nhandles; i++) {
        assert(win32_is_handle((HANDLE)request->handles[i]));
        rv = add_copy(launch, (HANDLE)request->handles[i], SAME_ACCESS);
    }
    return rv;
}

static void close_copies(launch_t *launch)
{
    while (launch->ncopies > 0)
        CloseHandle(launch->copies[--launch->ncopies]);
}

/* Read by port_birth(), which describes it. */
static const char *make_mark(const launch_t *launch, apr_pool_t *mem)
{
    apr_array_header_t *numbers = apr_array_make(mem, (int)launch->ncopies, sizeof(char *));
    size_t i;

    APR_ARRAY_PUSH(numbers, const char *) = launch->request->is_detached ? "1" : "0";
    for (i = COPY_PARENT; i < launch->ncopies; i++)
        APR_ARRAY_PUSH(numbers, const char *) =
            apr_psprintf(mem, "%lx", (unsigned long)(uintptr_t)launch->copies[i]);
    return apr_pstrcat(mem, PORT_CHILD_MARK, apr_array_pstrcat(mem, numbers, ','), ":",
                       launch->request->token, NULL);
}

/*
 * The list points at the copies and the job, and must not outlive them
 * (UpdateProcThreadAttribute()).
 */
static apr_status_t make_attributes(LPPROC_THREAD_ATTRIBUTE_LIST *attributes, launch_t *launch,
                                    int has_job, apr_pool_t *mem)
{
    SIZE_T size;
    LPPROC_THREAD_ATTRIBUTE_LIST list;

    InitializeProcThreadAttributeList(NULL, 2, 0, &size);
    list = apr_palloc(mem, size);
    if (!InitializeProcThreadAttributeList(list, 2, 0, &size))
        return win32_last_error();
    if (!UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, launch->copies,
                                   launch->ncopies * sizeof *launch->copies, NULL, NULL) ||
        (has_job && !UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_JOB_LIST,
                                               &launch->job, sizeof launch->job, NULL, NULL))) {
        apr_status_t rv = win32_last_error();
        DeleteProcThreadAttributeList(list);
        return rv;
    }
    *attributes = list;
    return APR_SUCCESS;
}

static apr_status_t create_process(launch_t *launch, DWORD flags, int has_job, apr_pool_t *mem)
{
    STARTUPINFOEXW startup = {0};
    apr_status_t rv = make_attributes(&startup.lpAttributeList, launch, has_job, mem);

    if (rv != APR_SUCCESS)
        return rv;
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = launch->copies[COPY_STDIN];
    startup.StartupInfo.hStdOutput = launch->copies[COPY_STDOUT];
    startup.StartupInfo.hStdError = launch->copies[COPY_STDERR];
    if (!CreateProcessW(launch->program, launch->line, NULL, NULL, TRUE,
                        flags | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT,
                        launch->environment, launch->folder, &startup.StartupInfo, &launch->born))
        rv = win32_last_error();
    DeleteProcThreadAttributeList(startup.lpAttributeList);
    return rv;
}

/*
 * A child shares this process's console.  Where there is none, as in a program with windows, in a
 * service or in a detached child, the system would make one with a window; this one has none, and
 * what the child starts shares it ("Process Creation Flags").  Not GetConsoleWindow(): that finds
 * none either where there is such a console.
 */
static DWORD console_flag(void)
{
    return GetConsoleCP() != 0 ? 0 : CREATE_NO_WINDOW;
}

/*
 * The program does not run before it is in its job.  Programs from the Store
 * cannot be started into one; they are put into it afterwards.
 */
static apr_status_t create_tied(launch_t *launch, apr_pool_t *mem)
{
    DWORD flags = CREATE_SUSPENDED | console_flag();
    apr_status_t rv = create_process(launch, flags, 1, mem);

    if (rv == win32_status(ERROR_ACCESS_DENIED))
        rv = create_process(launch, flags, 0, mem);
    return rv;
}

/*
 * Without a console it hears neither Ctrl-C nor the closing of the window, and
 * what it prints arrives in files and pipes, but may not in this one's console.
 * Who started this process may have put it into a job that nobody breaks away
 * from; then the child lives as long as that job ("Process Creation Flags").
 */
static apr_status_t create_detached(launch_t *launch, apr_pool_t *mem)
{
    apr_status_t rv = create_process(launch, DETACHED_PROCESS | CREATE_BREAKAWAY_FROM_JOB, 0, mem);

    if (rv == win32_status(ERROR_ACCESS_DENIED))
        rv = create_process(launch, DETACHED_PROCESS, 0, mem);
    return rv;
}

static apr_status_t create(launch_t *launch, port_stage_t *stage, apr_pool_t *mem)
{
    apr_status_t rv;

    *stage = PORT_STAGE_HANDLES;
    rv = add_copies(launch);
    if (rv != APR_SUCCESS)
        return rv;
    *stage = PORT_STAGE_PROGRAM;
    rv = win32_command_line(&launch->line, launch->request->arguments, make_mark(launch, mem), mem);
    if (rv == APR_SUCCESS)
        rv = launch->request->is_detached ? create_detached(launch, mem) : create_tied(launch, mem);
    if (rv ==
        win32_status(ERROR_DIRECTORY)) /* also this process's own, when it is gone or too long */
        *stage = PORT_STAGE_FOLDER;
    return rv;
}

static apr_status_t let_run(const launch_t *launch)
{
    BOOL is_in_job = FALSE;

    if (launch->job == NULL)
        return APR_SUCCESS;
    if (!IsProcessInJob(launch->born.hProcess, launch->job, &is_in_job) ||
        (!is_in_job && !AssignProcessToJobObject(launch->job, launch->born.hProcess)) ||
        ResumeThread(launch->born.hThread) == (DWORD)-1)
        return win32_last_error();
    return APR_SUCCESS;
}

static void undo(launch_t *launch)
{
    if (launch->born.hProcess != NULL) {
        TerminateProcess(launch->born.hProcess, 1);
        CloseHandle(launch->born.hThread);
        CloseHandle(launch->born.hProcess);
    }
    if (launch->job != NULL)
        CloseHandle(launch->job);
}

static port_process_t *make_process(const launch_t *launch, apr_pool_t *mem)
{
    port_process_t *process = apr_pcalloc(mem, sizeof *process);

    CloseHandle(launch->born.hThread);
    process->process = launch->born.hProcess;
    process->pid = launch->born.dwProcessId;
    process->job = launch->job;
    return process;
}

apr_status_t port_spawn(port_process_t **process, port_handle_t *child_handles,
                        const port_spawn_t *request, port_stage_t *stage, apr_pool_t *mem)
{
    launch_t launch = {.request = request};
    apr_status_t rv;
    size_t i;

    assert(request->nhandles > 0 && request->arguments[0] != NULL);
    rv = describe(&launch, stage, mem);
    if (rv == APR_SUCCESS) {
        *stage = PORT_STAGE_HANDLES;
        rv = make_job(&launch);
    }
    if (rv == APR_SUCCESS) {
        AcquireSRWLockExclusive(&copies_lock);
        rv = create(&launch, stage, mem);
        close_copies(&launch);
        ReleaseSRWLockExclusive(&copies_lock);
    }
    if (rv == APR_SUCCESS)
        rv = let_run(&launch);
    if (rv != APR_SUCCESS) {
        undo(&launch);
        return rv;
    }
    for (i = 0; i < request->nhandles; i++)
        child_handles[i] = (port_handle_t)launch.copies[COPY_REQUESTED + i];
    *process = make_process(&launch, mem);
    return APR_SUCCESS;
}
