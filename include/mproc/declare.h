/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_DECLARE_H
#define MPROC_DECLARE_H

/**
 * @file declare.h
 * What every public header needs: the version, the export macro, the one
 * meaning of time, and APR's basic types.
 *
 * Conventions that hold for the whole library:
 *
 * - A call that can fail returns an apr_status_t.  On failure its outputs are
 *   untouched, and mproc_error_message() says in words what was wrong.
 * - `mem` is an APR memory pool; what a call creates lives until `mem` is
 *   destroyed.  Objects keep their memory in a pool of their own under `mem`,
 *   so that threads may share `mem` when it comes from mproc_init().
 * - What was closed is still there to say MPROC_ECLOSED.  When `mem` is destroyed
 *   it is not: no status is possible then, and to use it is as wrong as to use
 *   memory after free().
 * - Strings are UTF-8 on every system.
 */

#include <apr.h>
#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>

#include <stddef.h>
#include <stdint.h>

#define MPROC_VERSION_MAJOR 0
#define MPROC_VERSION_MINOR 1
#define MPROC_VERSION_PATCH 0
#define MPROC_VERSION "0.1.0"

/* A static library needs no decoration; MPROC_STATIC comes from the CMake target. */
#if defined(MPROC_STATIC)
#define MPROC_DECLARE(type) type
#elif defined(_WIN32) && defined(MPROC_BUILDING)
#define MPROC_DECLARE(type) __declspec(dllexport) type
#elif defined(_WIN32)
#define MPROC_DECLARE(type) __declspec(dllimport) type
#elif defined(__GNUC__)
#define MPROC_DECLARE(type) __attribute__((visibility("default"))) type
#else
#define MPROC_DECLARE(type) type
#endif

/* Lets the compiler check printf-like calls; MinGW needs to be told which printf. */
#if defined(__MINGW32__)
#define MPROC_PRINTF(text, first) __attribute__((__format__(__gnu_printf__, text, first)))
#elif defined(__GNUC__)
#define MPROC_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define MPROC_PRINTF(text, first)
#endif

#ifdef __cplusplus
#define MPROC_BEGIN_C extern "C" {
#define MPROC_END_C }
#else
#define MPROC_BEGIN_C
#define MPROC_END_C
#endif

/**
 * The only timeout that waits for ever.
 *
 * Every other timeout is a number of microseconds (apr_time_from_sec() and
 * apr_time_from_msec() make one); 0 and every negative value look once and do
 * not wait, so that a computed remainder of -1 cannot hang a program.  Time is
 * monotonic: setting the wall clock moves no deadline.
 */
#define MPROC_FOREVER ((apr_interval_time_t)INT64_MAX)

#endif
