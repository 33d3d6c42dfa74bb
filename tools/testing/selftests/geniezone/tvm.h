/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tiny VMs for tests. As in the kernel's other tests of hypervisors, __x()
 * returns an error, and x() in gz_test.h fails the test.
 */
#ifndef TVM_H
#define TVM_H

#include <stdint.h>

#include <libgzvm.h>

#include "guest.h"

#define TVM_MAX_VCPUS	8

/* Slot of the RAM that every tiny VM has */
#define TVM_RAM_SLOT	0

/**
 * struct tvm - a tiny VM
 * @vm: the VM
 * @mem: RAM at RAM_BASE
 * @vcpus: its vCPUs
 * @nr_vcpus: how many
 */
struct tvm {
	struct gz_vm vm;
	struct gz_memory mem;
	struct gz_vcpu vcpus[TVM_MAX_VCPUS];
	unsigned int nr_vcpus;
};

/* A GUEST function */
typedef void (*guest_fn)(uint64_t arg);

int __tvm_create(struct tvm *t, unsigned int nr_vcpus);
int __tvm_create_sized(struct tvm *t, unsigned int nr_vcpus, uint64_t ram);
void tvm_destroy(struct tvm *t);
int tvm_load_code(struct tvm *t);
int __tvm_enter(struct tvm *t, unsigned int id, guest_fn fn, uint64_t arg);
void tvm_write_boot(struct tvm *t, unsigned int id, guest_fn fn, uint64_t arg);
uint64_t tvm_gpa_of(const void *guest_symbol);
void *tvm_at(struct tvm *t, uint64_t gpa);

int __vcpu_run(struct gz_vcpu *vcpu);
int __vcpu_run_to_sync(struct gz_vcpu *vcpu, uint64_t *value);
const char *exit_name(const struct gz_vcpu *vcpu);
void wait_for_change(const uint64_t *p, uint64_t old);

#endif /* TVM_H */
