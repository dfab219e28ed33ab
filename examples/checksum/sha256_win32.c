/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Windows: its Cryptography API, Next Generation.
 */

#include "sha256.h"

#include <mproc/status.h>

#include <windows.h>

#include <bcrypt.h>

struct sha256_t {
    BCRYPT_ALG_HANDLE algorithm;
    BCRYPT_HASH_HANDLE hash;
};

/* A negative NTSTATUS is a failure; 0 is the success of all of these calls. */
static apr_status_t check(NTSTATUS status, const char *call)
{
    if (status >= 0)
        return APR_SUCCESS;
    return mproc_error_set(APR_EGENERAL, "%s: status 0x%08lx", call, (unsigned long)status);
}

static apr_status_t close_handles(void *data)
{
    sha256_t *sha256 = data;

    if (sha256->hash != NULL)
        BCryptDestroyHash(sha256->hash);
    if (sha256->algorithm != NULL)
        BCryptCloseAlgorithmProvider(sha256->algorithm, 0);
    return APR_SUCCESS;
}

apr_status_t sha256_begin(sha256_t **sha256, apr_pool_t *mem)
{
    sha256_t *made = apr_pcalloc(mem, sizeof *made);

    apr_pool_cleanup_register(mem, made, close_handles, apr_pool_cleanup_null);
    MPROC_TRY(check(BCryptOpenAlgorithmProvider(&made->algorithm, BCRYPT_SHA256_ALGORITHM, NULL, 0),
                    "BCryptOpenAlgorithmProvider"));
    MPROC_TRY(check(BCryptCreateHash(made->algorithm, &made->hash, NULL, 0, NULL, 0, 0),
                    "BCryptCreateHash"));
    *sha256 = made;
    return APR_SUCCESS;
}

apr_status_t sha256_add(sha256_t *sha256, const void *data, size_t size)
{
    return check(BCryptHashData(sha256->hash, (PUCHAR)data, (ULONG)size, 0), "BCryptHashData");
}

apr_status_t sha256_end(sha256_t *sha256, unsigned char checksum[SHA256_SIZE])
{
    return check(BCryptFinishHash(sha256->hash, checksum, SHA256_SIZE, 0), "BCryptFinishHash");
}
