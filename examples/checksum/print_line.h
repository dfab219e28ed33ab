/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PRINT_LINE_H
#define PRINT_LINE_H

#include "sha256.h"

/* The line of sha256sum for a file. */
void print_line(const unsigned char checksum[SHA256_SIZE], const char *path);

#endif
