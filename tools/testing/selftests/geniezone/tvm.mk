# SPDX-License-Identifier: GPL-2.0
#
# How programs that create VMs with small guests are built. Also read by tests that
# lie elsewhere. TEST_GEN_PROGS must be set before; TEST_LIBS are archives that are
# linked as well.

TVM_DIR := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
KSFT := $(if $(KSRC),$(KSRC)/tools/testing/selftests,$(TVM_DIR)/..)
GZVM := $(abspath $(TVM_DIR)/../../../lib/gzvm)

# Guest code is compiled together with the test. It runs without an MMU, so no
# access may be unaligned, and without a C library, so the compiler may not call
# one or use tables.
GUEST_CFLAGS := -ffreestanding -fno-stack-protector -fno-jump-tables \
		-fno-tree-switch-conversion -fno-pic -fno-pie \
		-fno-tree-loop-distribute-patterns -mstrict-align \
		-mno-outline-atomics -fno-reorder-blocks-and-partition \
		-fno-ipa-cp -fno-ipa-icf
CFLAGS += -std=gnu11 -D_GNU_SOURCE= -O2 -g -Wall -Wextra -Wno-unused-parameter \
	  -Wno-missing-field-initializers -Wno-sign-compare -Wno-clobbered \
	  -pthread -I$(KSFT) -I$(TVM_DIR) -I$(GZVM)/include $(KHDR_INCLUDES) \
	  $(GUEST_CFLAGS)
LDFLAGS += -no-pie -pthread

LOCAL_HDRS := $(wildcard *.h $(TVM_DIR)/*.h $(GZVM)/include/*.h) Makefile \
	      $(TVM_DIR)/tvm.mk

include $(KSFT)/lib.mk

LIBGZVM_O := $(OUTPUT)/gzvm
LIBGZVM := $(LIBGZVM_O)/libgzvm.a
TVM_OBJS := $(OUTPUT)/tvm.o $(OUTPUT)/guest_entry.o

$(TEST_GEN_PROGS): $(TVM_OBJS) $(TEST_LIBS) $(LIBGZVM)

vpath %.c $(TVM_DIR)
vpath %.S $(TVM_DIR)

$(OUTPUT)/%.o: %.c $(LOCAL_HDRS)
	$(CC) $(CFLAGS) -c -o $@ $<

$(OUTPUT)/guest_entry.o: guest_entry.S $(LOCAL_HDRS)
	$(CC) $(CFLAGS) -c -o $@ $<

.PHONY: FORCE
$(LIBGZVM): FORCE
	mkdir -p $(LIBGZVM_O)
	$(MAKE) -C $(GZVM) O=$(abspath $(LIBGZVM_O)) CC="$(CC)" CFLAGS="-O2 -g"

EXTRA_CLEAN := $(OUTPUT)/*.o $(LIBGZVM_O)
