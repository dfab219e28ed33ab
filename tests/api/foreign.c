/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A program that knows nothing of mproc: it reads nothing, and returns 7.
 */

int main(void)
{
    return 7;
}
