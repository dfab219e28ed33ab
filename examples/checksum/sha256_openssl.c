/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenSSL's libcrypto.
 */

#include "sha256.h"

#include <mproc/status.h>

#include <openssl/err.h>
#include <openssl/evp.h>

struct sha256_t {
    EVP_MD_CTX *context;
};

static apr_status_t failed(const char *call)
{
    return mproc_error_set(APR_EGENERAL, "%s: %s", call, ERR_error_string(ERR_get_error(), NULL));
}

static apr_status_t free_context(void *data)
{
    EVP_MD_CTX_free(((sha256_t *)data)->context);
    return APR_SUCCESS;
}

apr_status_t sha256_begin(sha256_t **sha256, apr_pool_t *mem)
{
    sha256_t *made = apr_palloc(mem, sizeof *made);

    made->context = EVP_MD_CTX_new();
    if (made->context == NULL)
        return failed("EVP_MD_CTX_new");
    apr_pool_cleanup_register(mem, made, free_context, apr_pool_cleanup_null);
    if (!EVP_DigestInit_ex(made->context, EVP_sha256(), NULL))
        return failed("EVP_DigestInit_ex");
    *sha256 = made;
    return APR_SUCCESS;
}

apr_status_t sha256_add(sha256_t *sha256, const void *data, size_t size)
{
    return EVP_DigestUpdate(sha256->context, data, size) ? APR_SUCCESS : failed("EVP_DigestUpdate");
}

apr_status_t sha256_end(sha256_t *sha256, unsigned char checksum[SHA256_SIZE])
{
    return EVP_DigestFinal_ex(sha256->context, checksum, NULL) ? APR_SUCCESS
                                                               : failed("EVP_DigestFinal_ex");
}
