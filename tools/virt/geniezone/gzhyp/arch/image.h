/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of gzhyp's image, from gzhyp.lds. */
#ifndef GZHYP_IMAGE_H
#define GZHYP_IMAGE_H

extern char _start[], _text_end[], _data_start[], _load_end[], _end[];

#endif /* GZHYP_IMAGE_H */
