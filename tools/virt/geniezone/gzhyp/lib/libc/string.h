/* SPDX-License-Identifier: GPL-2.0 */
/* libfdt includes it for the C library's header. */
#include "lib/string.h"
