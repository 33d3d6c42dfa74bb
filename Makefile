# SPDX-License-Identifier: GPL-2.0
#
# Read by two: by the kernel's build system, for which this is the Kbuild file of
# an external module (make -C KDIR M=... modules), and by you (make help).

ifneq ($(KERNELRELEASE),)

gzvm-top := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))

# Outside of a kernel tree nothing else has set it; the driver is what is wanted.
export CONFIG_MTK_GZVM := m

# Our header goes before one of another version that the kernel may have.
export LINUXINCLUDE := -I$(gzvm-top)/include/uapi -I$(gzvm-top)/include \
	$(LINUXINCLUDE)
subdir-ccflags-y := -include $(gzvm-top)/drivers/virt/geniezone/compat.h

obj-m += drivers/virt/geniezone/

else

.DEFAULT_GOAL	:= help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS	+= --no-builtin-rules --no-print-directory

TOP		:= $(CURDIR)
export BUILD	:= $(TOP)/build
export LOGS	:= $(BUILD)/logs
GZ		:= $(TOP)/tools/virt/geniezone
IMAGE		:= $(GZ)/image
STEP		:= $(IMAGE)/step.sh
SELFTESTS	:= $(TOP)/tools/testing/selftests/geniezone

export CROSS_COMPILE ?= aarch64-linux-gnu-
ARM64_CC	:= $(CROSS_COMPILE)gcc

# Debian's kernel with the driver put in, or, with KSRC=, a tree of yours which
# is only read and gets the driver as an external module
DEBIAN_LINUX	:= $(BUILD)/linux-6.12
ifeq ($(KSRC),)
LINUX		:= $(DEBIAN_LINUX)
LINUX_READY	:= $(BUILD)/integrated
KBUILD_DIR	:= $(BUILD)
FRAGMENTS	:= $(IMAGE)/host.config
else
LINUX		:= $(abspath $(KSRC))
LINUX_READY	:=
KBUILD_DIR	:= $(BUILD)/ksrc-$(shell echo "$(LINUX)" | md5sum | cut -c1-8)
FRAGMENTS	:= $(IMAGE)/host.config $(IMAGE)/external.config
endif

HOST		:= $(KBUILD_DIR)/host
DEBUG		:= $(KBUILD_DIR)/debug
COVERAGE	:= $(BUILD)/coverage
KCSAN		:= $(BUILD)/kcsan
ARM64		:= $(BUILD)/arm64
BUSYBOX		:= $(ARM64)/root/bin/busybox
GZHYP_BIN	:= $(BUILD)/gzhyp/gzhyp.bin

PHONY += help
help:
	@echo 'What a user does:'
	@echo '  run            build everything, boot host and guest in QEMU; on a terminal'
	@echo '                 the host shell stays, elsewhere all powers off'
	@echo '  shell          build everything, boot the host and leave you its shell'
	@echo '  test           all tests; ends with "N passed, N failed"'
	@echo '  integrate      put the driver into the kernel tree KDIR=/path'
	@echo '  unintegrate    take it out of there again'
	@echo '  clean          remove what was built, keep what was fetched'
	@echo '  distclean      remove build/'
	@echo
	@echo 'Parts of these:'
	@echo '  check-static   the tests that need no machine: sparse, W=1 with gcc and'
	@echo '                 clang, checkpatch, kernel-doc, headers, integration'
	@echo '  kunit          the KUnit tests of the driver'
	@echo '  kselftest      the kselftests on the hypervisor in QEMU (base kernel)'
	@echo '  mutants        faults put into the driver one by one: each must be noticed'
	@echo '  soak           what takes long: 20 guests with four vCPUs one after another,'
	@echo '                 a million kicks'
	@echo '  fuzz           a fuzz of the driver'\''s ioctls: SECONDS=600 SEED=1'
	@echo '  coverage       which lines of the driver the tests run, as HTML'
	@echo '  kcsan          tests with threads on a kernel that looks for data races'
	@echo '  fuzz-hyp       a fuzz of the hypervisor'\''s calls: CALLS=1000000 SEED=1'
	@echo '  bench          what operations cost, beside KVM: table and charts in'
	@echo '                 build/bench; UPDATE=1 puts the table into the documents'
	@echo '  bench-record   take what operations cost now as what make test expects'
	@echo '  kernel, debug-kernel, gzhyp, gzrun, selftests, images'
	@echo '  packages       install the Debian packages that are missing'
	@echo
	@echo 'Variables:'
	@echo '  KSRC=/path     a kernel tree of yours instead of Debian'\''s; not modified'
	@echo '  ONLY=a,b       with test: only the steps whose names begin so'
	@echo
	@echo 'The driver alone, for a kernel that is built: make -C KDIR M=$$PWD modules'

# Packages. A stamp would not notice one that was removed; asking is quick.
PHONY += packages test-packages
packages:
	@$(IMAGE)/packages.sh run

test-packages:
	@$(IMAGE)/packages.sh test

$(BUSYBOX): | packages
	@$(IMAGE)/arm64.sh $(ARM64)

# Kernels
$(BUILD)/linux-%.stamp: | packages
	@$(STEP) unpack-$* "Unpacking Linux $*" $(IMAGE)/unpack.sh $* $(BUILD)/linux-$*
	@touch $@

PHONY += FORCE
FORCE:

# Changes when something of ours was put into the tree, and only then
$(BUILD)/integrated: $(DEBIAN_LINUX).stamp FORCE
	@$(GZ)/integrate.sh add $(DEBIAN_LINUX) >$@.log
	@if [ -s $@.log ] || [ ! -e $@ ]; then touch $@; fi

PHONY += integrate unintegrate
integrate unintegrate:
	@[ -n "$(KDIR)" ] || { echo "Which kernel tree? make $@ KDIR=/path" >&2; exit 2; }
	@$(GZ)/integrate.sh $(if $(filter un%,$@),remove,add) "$(KDIR)"

$(HOST)/built: $(LINUX_READY) $(FRAGMENTS) | packages
	@$(STEP) kernel "Building the kernel" \
		$(IMAGE)/kernel.sh build $(LINUX) $(HOST) $(FRAGMENTS)
	@touch $@

$(DEBUG)/built: $(LINUX_READY) $(FRAGMENTS) $(IMAGE)/debug.config | packages
	@$(STEP) debug-kernel "Building the debug kernel" \
		$(IMAGE)/kernel.sh build $(LINUX) $(DEBUG) $(FRAGMENTS) $(IMAGE)/debug.config
	@touch $@

# Debian's, with the driver beside it or in it
$(COVERAGE)/built: $(BUILD)/integrated $(IMAGE)/host.config \
		$(IMAGE)/external.config $(IMAGE)/coverage.config | packages
	@$(STEP) coverage-kernel "Building the coverage kernel" \
		$(IMAGE)/kernel.sh build $(DEBIAN_LINUX) $(COVERAGE) \
		$(filter %.config,$^)
	@touch $@

$(KCSAN)/built: $(BUILD)/integrated $(IMAGE)/host.config \
		$(IMAGE)/kcsan.config | packages
	@$(STEP) kcsan-kernel "Building the KCSAN kernel" \
		$(IMAGE)/kernel.sh build $(DEBIAN_LINUX) $(KCSAN) \
		$(filter %.config,$^)
	@touch $@

# Without what costs in both the driver and KVM
BENCH_KERNEL	:= $(KBUILD_DIR)/bench-kernel
$(BENCH_KERNEL)/built: $(LINUX_READY) $(FRAGMENTS) $(IMAGE)/bench.config | packages
	@$(STEP) bench-kernel "Building the kernel for benchmarks" \
		$(IMAGE)/kernel.sh build $(LINUX) $(BENCH_KERNEL) $(FRAGMENTS) \
		$(IMAGE)/bench.config
	@touch $@

PHONY += kernel debug-kernel coverage-kernel kcsan-kernel bench-kernel
bench-kernel: $(BENCH_KERNEL)/built
kernel: $(HOST)/built
debug-kernel: $(DEBUG)/built
coverage-kernel: $(COVERAGE)/built
kcsan-kernel: $(KCSAN)/built

# The driver: made with the kernel when that has it, else by itself
PHONY += host-module debug-module bench-module
ifeq ($(KSRC),)
HOST_KO		:= $(HOST)/drivers/virt/geniezone/gzvm.ko
DEBUG_KO	:= $(DEBUG)/drivers/virt/geniezone/gzvm.ko
BENCH_KO	:= $(BENCH_KERNEL)/drivers/virt/geniezone/gzvm.ko
host-module: kernel
debug-module: debug-kernel
bench-module: bench-kernel
else
HOST_KO		:= $(HOST).module/drivers/virt/geniezone/gzvm.ko
DEBUG_KO	:= $(DEBUG).module/drivers/virt/geniezone/gzvm.ko
host-module: kernel
	@$(STEP) module - $(IMAGE)/module.sh $(LINUX) $(HOST) $(HOST).module
debug-module: debug-kernel
	@$(STEP) debug-module - $(IMAGE)/module.sh $(LINUX) $(DEBUG) $(DEBUG).module
BENCH_KO	:= $(BENCH_KERNEL).module/drivers/virt/geniezone/gzvm.ko
bench-module: bench-kernel
	@$(STEP) bench-module - $(IMAGE)/module.sh $(LINUX) $(BENCH_KERNEL) \
		$(BENCH_KERNEL).module
endif

COVERAGE_KO	:= $(COVERAGE).module/drivers/virt/geniezone/gzvm.ko
KCSAN_KO	:= $(KCSAN)/drivers/virt/geniezone/gzvm.ko

# With its unit tests in it, which run only when that is asked for
PHONY += coverage-module
coverage-module: coverage-kernel
	@$(STEP) coverage-module - env \
		KCFLAGS="-DCONFIG_MTK_GZVM_KUNIT_TEST=1 -fprofile-update=atomic -mno-outline-atomics" \
		$(IMAGE)/module.sh $(DEBIAN_LINUX) $(COVERAGE) $(COVERAGE).module \
		CONFIG_MTK_GZVM_KUNIT_TEST=y GCOV_PROFILE=y

# gzhyp's test controls for tests
PHONY += host-ctl debug-ctl coverage-ctl kcsan-ctl
host-ctl: kernel
	@$(STEP) ctl-module - $(IMAGE)/ctl-module.sh $(LINUX) $(HOST) $(HOST).ctl
debug-ctl: debug-kernel
	@$(STEP) debug-ctl-module - $(IMAGE)/ctl-module.sh $(LINUX) $(DEBUG) $(DEBUG).ctl
coverage-ctl: coverage-kernel
	@$(STEP) coverage-ctl-module - $(IMAGE)/ctl-module.sh $(DEBIAN_LINUX) \
		$(COVERAGE) $(COVERAGE).ctl
kcsan-ctl: kcsan-kernel
	@$(STEP) kcsan-ctl-module - $(IMAGE)/ctl-module.sh $(DEBIAN_LINUX) \
		$(KCSAN) $(KCSAN).ctl

# The plain way of giving memory, for comparison
PHONY += bench-plain
bench-plain: bench-kernel
	@$(STEP) bench-plain-module - $(IMAGE)/ctl-module.sh $(LINUX) $(BENCH_KERNEL) \
		$(BENCH_KERNEL).plain plain

# The rest: each knows by itself what is to be done
PHONY += gzhyp gzhyp-check gzrun gzrun-check selftests bench-program
gzhyp: $(LINUX_READY) | packages
	@$(STEP) gzhyp - $(MAKE) -C $(GZ)/gzhyp O=$(BUILD)/gzhyp \
		LIBFDT=$(LINUX)/scripts/dtc/libfdt

gzhyp-check: $(LINUX_READY) | packages
	@$(MAKE) -C $(GZ)/gzhyp O=$(BUILD)/gzhyp \
		LIBFDT=$(LINUX)/scripts/dtc/libfdt check

gzrun: $(BUSYBOX) | packages
	@mkdir -p $(BUILD)/gzrun
	@$(STEP) gzrun - $(MAKE) -C $(GZ)/gzrun O=$(BUILD)/gzrun CC=$(ARM64_CC) \
		FDT_DIR=$(ARM64)/root

gzrun-check: | packages
	@$(MAKE) -s -C $(GZ)/gzrun O=$(BUILD)/gzrun check

selftests: $(LINUX_READY) | packages
	@mkdir -p $(BUILD)/selftests
	@$(STEP) selftests - $(MAKE) -C $(SELFTESTS) OUTPUT=$(BUILD)/selftests \
		CC=$(ARM64_CC) KSRC=$(LINUX)

BENCH_PROGRAM	:= $(BUILD)/bench-program
bench-program: | packages
	@mkdir -p $(BENCH_PROGRAM)
	@$(STEP) bench-program - $(MAKE) -C $(TOP)/tools/testing/geniezone/bench \
		OUTPUT=$(BENCH_PROGRAM) CC=$(ARM64_CC)

# Another kernel in the host's place
KEXEC		:= $(BUILD)/kexec
$(KEXEC): $(TOP)/tools/testing/geniezone/kexec/kexec.c | packages
	@$(STEP) kexec - $(ARM64_CC) -O2 -Wall -Werror -static -o $@ $<

# What gzrun's tests talk to gzrun and its guests with
GZRUN_TOOLS	:= $(BUILD)/gzrun-tools
$(GZRUN_TOOLS)/%: $(TOP)/tools/testing/geniezone/gzrun/tools/%.c | packages
	@mkdir -p $(@D)
	@$(STEP) gzrun-$* - $(ARM64_CC) -D_GNU_SOURCE -O2 -Wall -Wextra -Werror \
		-static -o $@ $<

HOST_PROGRAMS	:= $(KEXEC) $(GZRUN_TOOLS)/vsock-peer

# Images, which take less time to make than to compare
GEN_INIT_CPIO	:= $(HOST)/usr/gen_init_cpio
GUEST_INITRD	:= $(KBUILD_DIR)/guest.cpio
GUEST_ROOT	:= $(KBUILD_DIR)/root.ext4
host-files	 = $(1)=/lib/modules/gzvm.ko \
		   $(2)/gzhyp_ctl.ko=/lib/modules/gzhyp_ctl.ko \
		   $(BUILD)/gzrun/gzrun=/usr/bin/gzrun \
		   $(KEXEC)=/usr/sbin/kexec \
		   $(GZRUN_TOOLS)/vsock-peer=/usr/bin/vsock-peer \
		   $(BUILD)/selftests=/usr/libexec/geniezone \
		   $(SELFTESTS)/ioctl_fuzz.corpus=/usr/share/geniezone/ioctl_fuzz.corpus \
		   $(TOP)/tools/testing/geniezone/gzrun=/usr/libexec/geniezone-gzrun \
		   $(TOP)/tools/testing/geniezone/gzrun/lib.sh=/usr/libexec/geniezone-gzrun/lib.sh \
		   $(HOST)/arch/arm64/boot/Image=/usr/share/geniezone/Image \
		   $(GUEST_INITRD)=/usr/share/geniezone/initrd \
		   $(GUEST_ROOT)=/usr/share/geniezone/root.ext4 \
		   $(IMAGE)/motd=/etc/motd

PHONY += guest-image images debug-image
guest-image: kernel $(BUSYBOX) $(GZRUN_TOOLS)/vsock-peer
	@$(IMAGE)/initramfs.sh guest $(GUEST_INITRD) $(GEN_INIT_CPIO) $(BUSYBOX) \
		$(GZRUN_TOOLS)/vsock-peer=/usr/bin/vsock-peer
	@$(IMAGE)/root.sh $(GUEST_ROOT) $(BUSYBOX)

images: guest-image host-module host-ctl gzrun selftests $(HOST_PROGRAMS)
	@$(IMAGE)/initramfs.sh host $(KBUILD_DIR)/host.cpio $(GEN_INIT_CPIO) \
		$(BUSYBOX) $(call host-files,$(HOST_KO),$(HOST).ctl)

debug-image: guest-image debug-module debug-ctl gzrun selftests $(HOST_PROGRAMS)
	@$(IMAGE)/initramfs.sh host $(KBUILD_DIR)/debug.cpio $(GEN_INIT_CPIO) \
		$(BUSYBOX) $(call host-files,$(DEBUG_KO),$(DEBUG).ctl)

PHONY += coverage-image kcsan-image
coverage-image: guest-image coverage-module coverage-ctl gzrun selftests $(HOST_PROGRAMS)
	@$(IMAGE)/initramfs.sh host $(BUILD)/coverage.cpio $(GEN_INIT_CPIO) \
		$(BUSYBOX) $(call host-files,$(COVERAGE_KO),$(COVERAGE).ctl)

kcsan-image: guest-image kcsan-kernel kcsan-ctl gzrun selftests $(HOST_PROGRAMS)
	@$(IMAGE)/initramfs.sh host $(BUILD)/kcsan.cpio $(GEN_INIT_CPIO) \
		$(BUSYBOX) $(call host-files,$(KCSAN_KO),$(KCSAN).ctl)

# With the driver of one kernel or the other. The first is what tests have.
PHONY += gate-image bench-image
gate-image: host-module bench-program $(BUSYBOX)
	@$(IMAGE)/initramfs.sh host $(KBUILD_DIR)/gate.cpio $(GEN_INIT_CPIO) $(BUSYBOX) \
		$(HOST_KO)=/lib/modules/gzvm.ko \
		$(BENCH_PROGRAM)/bench=/usr/libexec/geniezone-bench/bench

bench-image: kernel bench-module bench-plain bench-program $(BUSYBOX)
	@$(IMAGE)/initramfs.sh host $(KBUILD_DIR)/bench.cpio $(GEN_INIT_CPIO) $(BUSYBOX) \
		$(BENCH_KO)=/lib/modules/gzvm.ko \
		$(BENCH_KERNEL).plain/gzplain.ko=/lib/modules/gzplain.ko \
		$(BENCH_PROGRAM)/bench=/usr/libexec/geniezone-bench/bench

PHONY += run shell
run shell: gzhyp images
	@$(IMAGE)/run.sh $@ $(GZHYP_BIN) $(HOST)/arch/arm64/boot/Image \
		$(KBUILD_DIR)/host.cpio

# Tests build what they need themselves, so that a failure to build is counted
PHONY += test check-static kunit kselftest mutants soak
TEST_RUN	 = $(GZ)/test.py --top $(TOP) --build $(BUILD) --linux $(LINUX) \
		   --kbuild $(KBUILD_DIR) --make "$(MAKE)" $(if $(ONLY),--only "$(ONLY)")
test: test-packages
	@$(TEST_RUN) all
check-static: test-packages
	@$(TEST_RUN) static
kunit: test-packages
	@$(TEST_RUN) kunit
kselftest: test-packages
	@$(TEST_RUN) kselftest
mutants: export MUTANT := $(MUTANT)
mutants: test-packages
	@$(TEST_RUN) mutants
soak: test-packages
	@$(TEST_RUN) soak
PHONY += fuzz fuzz-hyp coverage kcsan
coverage: test-packages
	@$(IMAGE)/packages.sh coverage
	@$(TEST_RUN) coverage
kcsan: test-packages
	@$(TEST_RUN) kcsan
fuzz: export SECONDS := $(SECONDS)
fuzz: export SEED := $(SEED)
fuzz: test-packages
	@$(TEST_RUN) fuzz
# The table that is kept is only replaced on purpose
PHONY += bench bench-record
bench: export UPDATE := $(UPDATE)
bench: test-packages
	@$(TEST_RUN) bench
bench-record: test-packages
	@$(TEST_RUN) bench-record
PHONY += fuzz-hyp
fuzz-hyp: export CALLS := $(CALLS)
fuzz-hyp: export SEED := $(SEED)
fuzz-hyp: test-packages
	@$(TEST_RUN) fuzz-hyp

PHONY += clean distclean
clean:
	rm -rf $(BUILD)/host $(BUILD)/debug $(BUILD)/bench* $(BUILD)/*.ctl \
		$(BUILD)/coverage* $(BUILD)/kcsan $(BUILD)/kunit* $(BUILD)/check \
		$(BUILD)/gzhyp $(BUILD)/gzrun $(BUILD)/selftests $(KEXEC) $(GZRUN_TOOLS) \
		$(BUILD)/ksrc-* $(BUILD)/*.cpio $(BUILD)/*.cpio.list $(BUILD)/root.ext4 $(LOGS)

distclean:
	rm -rf $(BUILD)

.PHONY: $(PHONY)

endif
