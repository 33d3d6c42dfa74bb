/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_MEMORY_H
#define GZRUN_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "vm.h"

/**
 * struct gz_memory - one piece of guest memory
 * @gpa: guest physical address
 * @size: bytes
 * @hva: where it lies in this process
 */
struct gz_memory {
	uint64_t gpa;
	uint64_t size;
	void *hva;
};

int gz_memory_alloc(struct gz_memory *mem, uint64_t gpa, uint64_t size);
void gz_memory_free(struct gz_memory *mem);
void *gz_memory_at(const struct gz_memory *mem, uint64_t gpa, uint64_t len);
int gz_memory_attach(const struct gz_memory *mem, const struct gz_vm *vm,
		     uint32_t slot);

#endif /* GZRUN_MEMORY_H */
