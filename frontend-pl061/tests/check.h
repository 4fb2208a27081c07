/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What the C tests have in common.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(x)                                                                  \
    do {                                                                          \
        if (!(x)) {                                                               \
            fprintf(stderr, "%s:%d: %s is not so\n", __FILE__, __LINE__, #x);     \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

enum { PATIENCE_MS = 10000 };

#endif /* CHECK_H */
