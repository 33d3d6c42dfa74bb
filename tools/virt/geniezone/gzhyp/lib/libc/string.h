/* SPDX-License-Identifier: GPL-2.0 */
/* What libfdt gets when it asks for the C library's header. */
#include "../../include/string.h"
