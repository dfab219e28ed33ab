/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: nothing is known of the loaded image; the executable's file
 * has to do.
 */

#include "internal.h"

apr_status_t posix_image_build_id(unsigned char id[PORT_BUILD_ID_SIZE])
{
    (void)id;
    return APR_ENOENT;
}
