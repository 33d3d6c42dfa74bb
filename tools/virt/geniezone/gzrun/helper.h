/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_HELPER_H
#define GZRUN_HELPER_H

#define HELPER_FILES	16
#define HELPER_HUBS	4

struct gz_hub;

/**
 * struct helper_file - a file that the helper process opens on request
 * @path: its path
 * @flags: as for open(2)
 */
struct helper_file {
	const char *path;
	int flags;
};

/**
 * struct helper_files - files that the helper process handles
 * @open: files that it opens on request
 * @nr_open: number of @open
 * @remove: paths that it removes in the end
 * @nr_remove: number of @remove
 * @hubs: interfaces whose frames it sends
 * @nr_hubs: number of @hubs
 */
struct helper_files {
	struct helper_file open[HELPER_FILES];
	unsigned int nr_open;
	const char *remove[HELPER_FILES];
	unsigned int nr_remove;
	struct gz_hub *hubs[HELPER_HUBS];
	unsigned int nr_hubs;
};

int helper_start(const struct helper_files *files);
void helper_stop(void);
void helper_use(void);
int helper_open(const char *path, int flags);

#endif /* GZRUN_HELPER_H */
