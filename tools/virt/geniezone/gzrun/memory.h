/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_MEMORY_H
#define GZRUN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm.h"

/**
 * struct gz_memory - one piece of guest memory
 * @gpa: guest physical address
 * @size: bytes
 * @hva: where it lies in this process
 * @bounce: devices see nothing else, so the guest copies what is for them here
 */
struct gz_memory {
	uint64_t gpa;
	uint64_t size;
	void *hva;
	bool bounce;
};

/**
 * enum gz_backing - what guest memory is made of
 * @GZ_BACKING_PRIVATE: anonymous pages
 * @GZ_BACKING_SHARED: a memfd: nobody who shares this process's memory gets a
 *                     copy of it, which is what protected pages need
 * @GZ_BACKING_HUGETLB: huge pages that the administrator set aside
 */
enum gz_backing {
	GZ_BACKING_PRIVATE,
	GZ_BACKING_SHARED,
	GZ_BACKING_HUGETLB,
};

int gz_memory_alloc(struct gz_memory *mem, uint64_t gpa, uint64_t size);
int gz_memory_alloc_as(struct gz_memory *mem, uint64_t gpa, uint64_t size,
		       enum gz_backing backing);
void gz_memory_free(struct gz_memory *mem);
void *gz_memory_at(const struct gz_memory *mem, uint64_t gpa, uint64_t len);
int gz_memory_attach(const struct gz_memory *mem, const struct gz_vm *vm,
		     uint32_t slot);

#endif /* GZRUN_MEMORY_H */
