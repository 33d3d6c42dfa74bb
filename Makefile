# SPDX-License-Identifier: GPL-2.0
#
# Two readers: the kernel's build system takes this as the Kbuild file of an
# external module (make -C KDIR M=... modules), everybody else as the project's
# Makefile (make help).

ifneq ($(KERNELRELEASE),)

gzvm-top := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))

# Most external builds have no configuration for the driver: it is a module with
# all but its tests. CONFIG_MTK_GZVM_DEBUGFS= or CONFIG_MTK_GZVM_TRACE= on the
# command line leaves that part out.
ifeq ($(CONFIG_MTK_GZVM),)
export CONFIG_MTK_GZVM_DEBUGFS ?= y
export CONFIG_MTK_GZVM_TRACE ?= y
endif
export CONFIG_MTK_GZVM := m
subdir-ccflags-$(CONFIG_MTK_GZVM_DEBUGFS) += -DCONFIG_MTK_GZVM_DEBUGFS=1

# This header comes before another version that the kernel may have
export LINUXINCLUDE := -I$(gzvm-top)/include/uapi -I$(gzvm-top)/include \
	$(LINUXINCLUDE)

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
TESTING		:= $(TOP)/tools/testing/geniezone
SELFTESTS	:= $(TOP)/tools/testing/selftests/geniezone

export CROSS_COMPILE ?= aarch64-linux-gnu-
ARM64_CC	:= $(CROSS_COMPILE)gcc

# The kernel is Debian's with the driver integrated, or, with KSRC=, a tree that
# is only read: it gets the driver as an external module.
DEBIAN_LINUX	:= $(BUILD)/linux-6.12
ifeq ($(KSRC),)
LINUX		:= $(DEBIAN_LINUX)
LINUX_READY	:= $(BUILD)/integrated
KBUILD_DIR	:= $(BUILD)
else
LINUX		:= $(abspath $(KSRC))
LINUX_READY	:=
KBUILD_DIR	:= $(BUILD)/ksrc-$(shell echo "$(LINUX)" | md5sum | cut -c1-8)
endif

# gzhyp needs no more of a kernel tree than this
ifneq ($(wildcard $(LINUX)/scripts/dtc/libfdt),)
LIBFDT		:= $(LINUX)/scripts/dtc/libfdt
else
LIBFDT		:= $(BUILD)/libfdt/scripts/dtc/libfdt
endif

ARM64		:= $(BUILD)/arm64
BUSYBOX		:= $(ARM64)/root/bin/busybox
GZHYP_BIN	:= $(BUILD)/gzhyp/gzhyp.bin

PHONY += help
help:
	@echo 'For users:'
	@echo '  run            boot a host and a guest in QEMU; compiles no kernel'
	@echo '                 PROTECTED=1: a protected guest as well, on a kernel built here'
	@echo '  shell          boot the host, open its shell'
	@echo '                 FILES="./vmm=/usr/bin/vmm ..." SHARE=dir'
	@echo '  test           run all tests; the last line is "N passed, N failed"'
	@echo 'The driver in your kernel tree:'
	@echo '  integrate, unintegrate   KDIR=/path'
	@echo '  series                   write patches: KDIR=/path OUT=/dir SIGN="Name <mail>"'
	@echo '  without this Makefile    make -C KDIR M=$$PWD modules'
	@echo 'Parts of test:'
	@echo '  check-static   checks of the sources; they need no machine'
	@echo '  kunit          unit tests of the driver; kselftest: its kselftests in QEMU'
	@echo 'Longer tests:'
	@echo '  check-kernels  other kernels; check-gki: symbols; check-pages: 16 and 64 KiB'
	@echo '  check-rt       PREEMPT_RT: ROUNDS=50 PROGRAMS="protected_test ..."'
	@echo '  mutants        each fault that is put into the driver must be noticed;'
	@echo '                 mutants-hyp: those put into gzhyp'
	@echo '  phones         each answer that a phone may give (WORDS=); soak: for longer'
	@echo '  machines       gzhyp on each machine that QEMU offers'
	@echo '  fuzz           SECONDS=600 SEED=1; fuzz-hyp: CALLS=1000000 SEED=1'
	@echo '                 fuzz-core: gzhyp without a machine, SECONDS=600 SEED=1'
	@echo '  prove          proofs of parts of gzhyp, with the model checker CBMC'
	@echo '  coverage       lines of the driver that tests run; kcsan: data races'
	@echo '  bench          costs, compared with KVM; bench-record: record the expected ones'
	@echo '  bench-guests   whole guests, compared with KVM'
	@echo 'Parts to build:  packages gzhyp gzrun examples selftests images kernel'
	@echo '                 NAME-kernel -module -image: $(FLAVOURS)'
	@echo '  clean          remove build/ without what was fetched; distclean: all'
	@echo 'Variables:       KSRC=/path ONLY=step,step MUTANT=text UPDATE=1 (bench)'

# No stamp: it would hide that a package was removed, and the check is fast
PHONY += packages kernel-packages test-packages coverage-packages
packages:
	@$(IMAGE)/packages.sh run
kernel-packages test-packages coverage-packages:
	@$(IMAGE)/packages.sh $(@:-packages=)

SODIUM		:= $(ARM64)/root/usr/include/sodium.h
$(BUSYBOX) $(ARM64)/root/usr/include/seccomp.h $(SODIUM) &: | packages
	@$(IMAGE)/arm64.sh $(ARM64)

$(BUILD)/linux-%.stamp: | kernel-packages
	@$(STEP) unpack-$* "Unpacking Linux $*" $(IMAGE)/unpack.sh $* $(BUILD)/linux-$*
	@touch $@

$(BUILD)/libfdt/scripts/dtc/libfdt: | packages
	@$(STEP) unpack-libfdt "Unpacking libfdt" \
		$(IMAGE)/unpack.sh 6.12 $(BUILD)/libfdt scripts/dtc/libfdt

PHONY += FORCE
FORCE:

# Changes only when integrate.sh changed something in the tree
$(BUILD)/integrated: $(DEBIAN_LINUX).stamp FORCE
	@$(GZ)/integrate.sh add $(DEBIAN_LINUX) >$@.log
	@if [ -s $@.log ] || [ ! -e $@ ]; then touch $@; fi

PHONY += integrate unintegrate
integrate unintegrate:
	@[ -n "$(KDIR)" ] || { echo "Which kernel tree? make $@ KDIR=/path" >&2; exit 2; }
	@$(GZ)/integrate.sh $(if $(filter un%,$@),remove,add) "$(KDIR)"

PHONY += series
series:
	@[ -n "$(KDIR)" ] && [ -n "$(OUT)" ] || \
		{ echo "make series KDIR=/path/to/linux OUT=/dir" >&2; exit 2; }
	@$(TESTING)/series/series.py --kernel "$(KDIR)" --out "$(OUT)" \
		$(if $(SIGN),--sign "$(SIGN)")

# Flavours of the kernel. To add one, add its name here and a NAME.config, which
# is put on top of host.config.
FLAVOURS	:= host debug coverage kcsan lean 16k 64k

# These get the driver as an external module, the others have it in the tree
EXTERNAL	:= $(if $(KSRC),$(FLAVOURS),coverage)
if-external	 = $(if $(filter $(1),$(EXTERNAL)),$(2))
fragments	 = $(patsubst %,$(IMAGE)/%.config,host \
		   $(call if-external,$(1),external) $(filter-out host,$(1)))
driver		 = $(KBUILD_DIR)/$(1)$(call if-external,$(1),.module)/drivers/virt/geniezone/gzvm.ko

# The driver that counts its lines contains its unit tests
coverage-env	:= KCFLAGS="-DCONFIG_MTK_GZVM_KUNIT_TEST=1 -fprofile-update=atomic -mno-outline-atomics"
coverage-args	:= CONFIG_MTK_GZVM_KUNIT_TEST=y GCOV_PROFILE=y

# Kernels with larger pages also boot as guests
large-pages	:= 16k 64k

# NAME-kernel, NAME-module: the driver, NAME-ctl: the module for gzhyp's test
# controls, NAME-image: the host's initial RAM disk with all of it
define flavour
PHONY += $(1)-kernel $(1)-module $(1)-ctl $(1)-image
$(KBUILD_DIR)/$(1)/built: $(LINUX_READY) $(call fragments,$(1)) | kernel-packages
	@$(STEP) $(1)-kernel "Building the $(1) kernel" \
		$(IMAGE)/kernel.sh build $(LINUX) $$(@D) $(call fragments,$(1))
	@touch $$@

$(1)-kernel: $(KBUILD_DIR)/$(1)/built

$(1)-module: $(1)-kernel
	$(call if-external,$(1),@$(STEP) $(1)-module - env $($(1)-env) \
		$(IMAGE)/module.sh $(LINUX) $(KBUILD_DIR)/$(1) \
		$(KBUILD_DIR)/$(1).module $($(1)-args))

$(1)-ctl: $(1)-kernel
	@$(STEP) $(1)-ctl - $(IMAGE)/ctl-module.sh $(LINUX) $(KBUILD_DIR)/$(1) \
		$(KBUILD_DIR)/$(1).ctl

$(1)-image: guest-image signatures $(1)-module $(1)-ctl gzrun examples selftests $(HOST_PROGRAMS)
	@$(IMAGE)/initramfs.sh host $(KBUILD_DIR)/$(1).cpio \
		$(BUSYBOX) $(call driver,$(1))=/lib/modules/gzvm.ko \
		$(KBUILD_DIR)/$(1).ctl/gzhyp_ctl.ko=/lib/modules/gzhyp_ctl.ko \
		$(HOST_FILES) $(if $(filter $(1),$(large-pages)),\
		$(KBUILD_DIR)/$(1)/arch/arm64/boot/Image=/usr/share/geniezone/Image-$(1)) \
		$(FILES)
endef

PHONY += kernel images
kernel: host-kernel
images: host-image

# The module that maps memory page by page, for comparison
PHONY += lean-plain
lean-plain: lean-kernel
	@$(STEP) lean-plain - $(IMAGE)/ctl-module.sh $(LINUX) $(KBUILD_DIR)/lean \
		$(KBUILD_DIR)/lean.plain plain

# Keys for tests, which no one may trust: the first one is that of the firmware unless
# PVMFW_KEY names another
SIGNED		:= $(BUILD)/signed
TEST_KEY	:= $(SIGNED)/TEST-ONLY.pem
OTHER_KEY	:= $(SIGNED)/OTHER-TEST-ONLY.pem
$(TEST_KEY) $(OTHER_KEY): | packages
	@mkdir -p $(@D)
	@openssl genpkey -algorithm ed25519 -out $@

# Programs: their own Makefiles know what is out of date
PHONY += gzhyp gzhyp-test gzhyp-check gzhyp-fuzz gzhyp-prove gzrun gzrun-check selftests bench-program
GZHYP_ARGS	 = LIBFDT=$(LIBFDT) SODIUM_DIR=$(ARM64)/root \
		   PVMFW_KEY=$(abspath $(or $(PVMFW_KEY),$(TEST_KEY)))
gzhyp: $(LIBFDT) $(SODIUM) $(TEST_KEY) | packages
	@$(STEP) gzhyp - $(MAKE) -C $(GZ)/gzhyp O=$(BUILD)/gzhyp $(GZHYP_ARGS)

# With the test controls
gzhyp-test: $(LIBFDT) $(SODIUM) $(TEST_KEY) | packages
	@$(STEP) gzhyp-test - $(MAKE) -C $(GZ)/gzhyp O=$(BUILD)/gzhyp-test \
		CONTROL=1 $(GZHYP_ARGS)

gzhyp-check: $(LIBFDT) $(SODIUM) $(TEST_KEY) | packages
	@$(MAKE) -C $(GZ)/gzhyp O=$(BUILD)/gzhyp $(GZHYP_ARGS) check

# SECONDS= and SEED= come from the environment
gzhyp-fuzz: | packages
	@$(MAKE) -C $(GZ)/gzhyp O=$(BUILD)/gzhyp fuzz

CBMC		:= $(BUILD)/cbmc/cbmc
$(CBMC): | packages
	@$(IMAGE)/cbmc.sh $(@D)
gzhyp-prove: $(CBMC)
	@$(MAKE) -C $(GZ)/gzhyp O=$(BUILD)/gzhyp CBMC=$(CBMC) prove

# For tests of gzhyp: a newer QEMU than that of this Debian
NEWEST_QEMU	:= $(BUILD)/qemu/qemu-system-aarch64
$(NEWEST_QEMU): | packages
	@$(IMAGE)/newest-qemu.sh $(@D)

gzrun: $(BUSYBOX) $(ARM64)/root/usr/include/seccomp.h | packages
	@mkdir -p $(BUILD)/gzrun
	@$(STEP) gzrun - $(MAKE) -C $(GZ)/gzrun O=$(BUILD)/gzrun CC=$(ARM64_CC) \
		FDT_DIR=$(ARM64)/root

# The two examples of the library
PHONY += examples
examples: | packages
	@mkdir -p $(BUILD)/libgzvm
	@$(STEP) examples - $(MAKE) -C tools/lib/gzvm O=$(BUILD)/libgzvm CC=$(ARM64_CC) \
		CFLAGS="-O2 -g -Werror" examples

gzrun-check: | packages
	@$(MAKE) -s -C $(GZ)/gzrun O=$(BUILD)/gzrun check

# Programs must not see the kernel's other headers as they are in the tree, only
# as they are installed.
UAPI		:= $(BUILD)/uapi
$(UAPI)/linux/gzvm.h: $(TOP)/include/uapi/linux/gzvm.h
	@mkdir -p $(@D)
	@cp $< $@

# The tests of gzhyp and gzrun that run in a machine are built like kselftests
KSELFTEST	 = KSRC=$(LINUX) KHDR_INCLUDES="-isystem $(UAPI)" USERLDFLAGS=-static
selftests: $(LINUX_READY) $(UAPI)/linux/gzvm.h gzhyp-machine-tests gzrun-machine-tests | packages
	@mkdir -p $(BUILD)/selftests
	@$(STEP) selftests - $(MAKE) -C $(SELFTESTS) OUTPUT=$(BUILD)/selftests \
		$(KSELFTEST)

PHONY += gzhyp-machine-tests gzrun-machine-tests
gzhyp-machine-tests: $(LINUX_READY) $(UAPI)/linux/gzvm.h | packages
	@mkdir -p $(BUILD)/gzhyp-machine-tests
	@$(STEP) gzhyp-machine-tests - $(MAKE) -C $(GZ)/gzhyp/tests/machine \
		OUTPUT=$(BUILD)/gzhyp-machine-tests $(KSELFTEST)

gzrun-machine-tests: $(LINUX_READY) $(UAPI)/linux/gzvm.h gzrun | packages
	@mkdir -p $(BUILD)/gzrun-machine-tests
	@$(STEP) gzrun-machine-tests - $(MAKE) -C $(GZ)/gzrun/tests/machine \
		OUTPUT=$(BUILD)/gzrun-machine-tests GZRUN_O=$(BUILD)/gzrun \
		FDT_DIR=$(ARM64)/root $(KSELFTEST)

BENCH_PROGRAM	:= $(BUILD)/bench-program
bench-program: | packages
	@mkdir -p $(BENCH_PROGRAM)
	@$(STEP) bench-program - $(MAKE) -C $(TESTING)/bench \
		OUTPUT=$(BENCH_PROGRAM) CC=$(ARM64_CC)

# Whole guests: the same gzrun on both hypervisors, and the guest's only program
GUESTS		:= $(BUILD)/bench-guests
PHONY += bench-guests-program
bench-guests-program: gzrun | packages
	@mkdir -p $(GUESTS)
	@$(STEP) bench-guests-program - $(MAKE) -C $(TESTING)/bench/guests \
		OUTPUT=$(GUESTS) CC=$(ARM64_CC) GZRUN_O=$(BUILD)/gzrun FDT_DIR=$(ARM64)/root

# Starts another kernel in place of the host
KEXEC		:= $(BUILD)/kexec
$(KEXEC): $(TESTING)/kexec/kexec.c | packages
	@$(STEP) kexec - $(ARM64_CC) -O2 -Wall -Werror -static -o $@ $<

# Programs that guests and their host use beside gzrun: those for vsock, and the peer
# in the tests of it
GZRUN_TOOLS	:= $(BUILD)/gzrun-tools
vpath %.c $(GZ)/gzrun/tools $(GZ)/gzrun/tests/machine
$(GZRUN_TOOLS)/%: %.c | packages
	@mkdir -p $(@D)
	@$(STEP) gzrun-$* - $(ARM64_CC) -D_GNU_SOURCE -O2 -Wall -Wextra -Werror \
		-static -o $@ $<

VSOCK_PROGRAMS	:= $(addprefix $(GZRUN_TOOLS)/,vsock-peer vsock-call vsock-relay)
VSOCK_FILES	:= $(foreach p,$(VSOCK_PROGRAMS),$(p)=/usr/bin/$(notdir $(p)))
HOST_PROGRAMS	:= $(KEXEC) $(VSOCK_PROGRAMS)

# Images. Making one takes less time than comparing its contents.
GUEST_INITRD	:= $(KBUILD_DIR)/guest.cpio
GUEST_ROOT	:= $(KBUILD_DIR)/root.ext4
USER_FILES	:= $(BUILD)/gzrun/gzrun=/usr/bin/gzrun \
		   $(VSOCK_FILES) \
		   $(BUILD)/libgzvm/hello=/usr/bin/gzvm-hello \
		   $(BUILD)/libgzvm/boot=/usr/bin/gzvm-boot \
		   $(IMAGE)/motd=/etc/motd
HOST_FILES	:= $(USER_FILES) \
		   $(KEXEC)=/usr/sbin/kexec \
		   $(BUILD)/selftests=/usr/libexec/geniezone \
		   $(SELFTESTS)/ioctl_fuzz.corpus=/usr/libexec/geniezone/ioctl_fuzz.corpus \
		   $(BUILD)/gzhyp-machine-tests=/usr/libexec/geniezone \
		   $(BUILD)/gzrun-machine-tests=/usr/libexec/geniezone \
		   $(GZ)/gzrun/tests/machine=/usr/libexec/geniezone \
		   $(GZ)/gzrun/tests/machine/lib.sh=/usr/libexec/geniezone/lib.sh \
		   $(KBUILD_DIR)/host/arch/arm64/boot/Image=/usr/share/geniezone/Image \
		   $(GUEST_INITRD)=/usr/share/geniezone/initrd \
		   $(SIGNED)/any=/usr/share/geniezone/signed/any \
		   $(SIGNED)/exact=/usr/share/geniezone/signed/exact \
		   $(SIGNED)/other=/usr/share/geniezone/signed/other \
		   $(GUEST_ROOT)=/usr/share/geniezone/root.ext4

# Signatures of the guest's kernel for gzhyp's firmware: with the command line of the
# test, with any command line, and by another key
SIGN		 = $(GZ)/gzhyp/pvmfw/sign.py --initrd $(GUEST_INITRD) \
		   --kernel $(KBUILD_DIR)/host/arch/arm64/boot/Image
PHONY += signatures
signatures: guest-image $(TEST_KEY) $(OTHER_KEY)
	@$(SIGN) --key $(TEST_KEY) --any-params $(SIGNED)/any
	@$(SIGN) --key $(TEST_KEY) $(SIGNED)/exact \
		--params 'console=ttyS0 panic=-1 quiet gz.cmd="echo up"'
	@$(SIGN) --key $(OTHER_KEY) --any-params $(SIGNED)/other

PHONY += guest-image
guest-image: kernel $(BUSYBOX) $(VSOCK_PROGRAMS)
	@$(IMAGE)/initramfs.sh guest $(GUEST_INITRD) $(BUSYBOX) \
		$(VSOCK_FILES)
	@$(IMAGE)/root.sh $(GUEST_ROOT) $(BUSYBOX)

$(foreach f,$(FLAVOURS),$(eval $(call flavour,$(f))))

# Images for benchmarks: "test" compares the costs on the host kernel, "bench"
# measures on the lean one
PHONY += gate-image bench-image
gate-image: host-module bench-program $(BUSYBOX)
	@$(IMAGE)/initramfs.sh host $(KBUILD_DIR)/gate.cpio $(BUSYBOX) \
		$(call driver,host)=/lib/modules/gzvm.ko \
		$(BENCH_PROGRAM)/bench=/usr/libexec/geniezone-bench/bench

bench-image: kernel lean-module lean-plain bench-program $(BUSYBOX)
	@$(IMAGE)/initramfs.sh host $(KBUILD_DIR)/bench.cpio $(BUSYBOX) \
		$(call driver,lean)=/lib/modules/gzvm.ko \
		$(KBUILD_DIR)/lean.plain/gzplain.ko=/lib/modules/gzplain.ko \
		$(BENCH_PROGRAM)/bench=/usr/libexec/geniezone-bench/bench

# Debian's QEMU for arm64, with its libraries. It needs a hundred packages.
QEMU_ARM64	:= $(BUILD)/qemu-arm64
QEMU_PROGRAM	:= usr/bin/qemu-system-aarch64
$(QEMU_ARM64)/root/$(QEMU_PROGRAM): | packages
	@$(IMAGE)/arm64.sh $(QEMU_ARM64) qemu-system-arm

$(QEMU_ARM64)/bin/qemu-system-aarch64: $(QEMU_ARM64)/root/$(QEMU_PROGRAM)
	@$(IMAGE)/closure.sh $(QEMU_ARM64)/root $(QEMU_PROGRAM) $(QEMU_ARM64)

# The host's kernel also boots as the guest
PHONY += bench-guests-image
bench-guests-image: host-module bench-guests-program $(BUSYBOX) \
		$(QEMU_ARM64)/bin/qemu-system-aarch64
	@printf '%s\n' "dir /dev 755" "dir /proc 755" "nod /dev/console 600 c 5 1" \
		"file /init $(GUESTS)/guest 755" >$(GUESTS)/initrd.list
	@$(IMAGE)/cpio.py $(GUESTS)/initrd.list $(GUESTS)/initrd
	@$(IMAGE)/initramfs.sh host $(KBUILD_DIR)/bench-guests.cpio $(BUSYBOX) \
		$(call driver,host)=/lib/modules/gzvm.ko \
		$(BUILD)/gzrun/gzrun=/usr/bin/gzrun \
		$(GUESTS)/gzrun-kvm=/usr/bin/gzrun-kvm \
		$(GUESTS)/guests=/usr/bin/guests \
		$(QEMU_ARM64)/bin=/usr/bin \
		$(QEMU_ARM64)/lib=/usr/lib/aarch64-linux-gnu \
		$(QEMU_ARM64)/lib/ld-linux-aarch64.so.1=/lib/ld-linux-aarch64.so.1 \
		$(KBUILD_DIR)/host/arch/arm64/boot/Image=/usr/share/geniezone/Image \
		$(GUESTS)/initrd=/usr/share/geniezone/bench-guest

# A host without the driver, whose gzrun uses KVM
PHONY += kvm-image
kvm-image: kernel bench-guests-program guest-image $(BUSYBOX)
	@$(IMAGE)/initramfs.sh host $(KBUILD_DIR)/kvm.cpio $(BUSYBOX) \
		$(GUESTS)/gzrun-kvm=/usr/bin/gzrun \
		$(KBUILD_DIR)/host/arch/arm64/boot/Image=/usr/share/geniezone/Image \
		$(GUEST_INITRD)=/usr/share/geniezone/initrd

# The kernel of "make run": Debian's own, as it is in the package. "release" finds the
# newest one of this Debian. Host and guest load what is not built into it.
DEBIAN		:= $(BUILD)/debian
RELEASE		:= $(DEBIAN)/release-arm64
RELEASE_HEADERS	 = $(realpath $(RELEASE)/headers/common) $(realpath $(RELEASE)/headers/build)
RELEASE_ARGS	:= CC=$(ARM64_CC) CONFIG_DEBUG_INFO_BTF_MODULES=
HOST_MODULES	:= virtio_mmio
SHELL_MODULES	:= virtio_net 9pnet_virtio 9p tun bridge vhost_vsock vhost_net
GUEST_MODULES	:= virtio_mmio virtio_blk virtio_net virtio_rng crc32c_generic ext4 \
		   vmw_vsock_virtio_transport gpio_keys evdev

PHONY += release-kernel release-module release-image
release-kernel: $(RELEASE)/headers $(RELEASE)/image
# One after the other: they share apt's state
$(RELEASE)/image: | $(RELEASE)/headers
$(RELEASE)/headers $(RELEASE)/image: | packages
	@$(IMAGE)/debian-kernel.sh $(DEBIAN) release $(@F)

release-module: $(RELEASE)/headers
	@$(STEP) release-module "Building the driver for Debian's kernel" \
		$(IMAGE)/module.sh $(RELEASE_HEADERS) $(BUILD)/release.module $(RELEASE_ARGS)

release-image: release-module $(RELEASE)/image gzrun examples $(VSOCK_PROGRAMS) $(BUSYBOX)
	@$(IMAGE)/modules.py $(RELEASE)/image/modules $(BUILD)/release.guest $(GUEST_MODULES)
	@$(IMAGE)/modules.py $(RELEASE)/image/modules $(BUILD)/release.host $(HOST_MODULES)
	@$(IMAGE)/modules.py $(RELEASE)/image/modules $(BUILD)/release.shell \
		$(HOST_MODULES) -- $(SHELL_MODULES)
	@$(IMAGE)/initramfs.sh guest $(BUILD)/release-guest.cpio $(BUSYBOX) \
		$(BUILD)/release.guest=/lib/modules/early \
		$(VSOCK_FILES)
	@$(IMAGE)/root.sh $(BUILD)/release-root.ext4 $(BUSYBOX)
	@$(IMAGE)/initramfs.sh host $(BUILD)/release.cpio $(BUSYBOX) \
		$(BUILD)/release.host=/lib/modules/early \
		$(BUILD)/release.shell=/lib/modules/shell \
		$(BUILD)/release.module/drivers/virt/geniezone/gzvm.ko=/lib/modules/gzvm.ko \
		$(RELEASE)/image/Image=/usr/share/geniezone/Image \
		$(BUILD)/release-guest.cpio=/usr/share/geniezone/initrd \
		$(BUILD)/release-root.ext4=/usr/share/geniezone/root.ext4 \
		$(USER_FILES) $(FILES)

# Debian's kernel lacks what a protected guest needs, so that one has a kernel built here
PHONY += run shell
ifeq ($(PROTECTED)$(KSRC),)
# Downloads and compilations overlap
run shell: | packages
	@$(MAKE) -j$(shell nproc) gzhyp release-image
	@DEBIAN=1 $(IMAGE)/run.sh $@ $(GZHYP_BIN) $(RELEASE)/image/Image $(BUILD)/release.cpio plain
else
run shell: gzhyp images
	@$(IMAGE)/run.sh $@ $(GZHYP_BIN) $(KBUILD_DIR)/host/arch/arm64/boot/Image \
		$(KBUILD_DIR)/host.cpio plain,protected
endif
export SHARE

# The runner builds what the tests need, so that it counts a failure to build
TESTS		:= test check-static check-kernels check-rt check-gki check-pages kunit \
		   kselftest mutants mutants-hyp phones machines soak fuzz fuzz-hyp fuzz-core \
		   prove coverage kcsan bench bench-guests bench-record
PHONY += $(TESTS)
coverage: coverage-packages
$(TESTS): test-packages
	@$(TESTING)/test.py --top $(TOP) --build $(BUILD) --linux $(LINUX) \
		--kbuild $(KBUILD_DIR) --make "$(MAKE)" --only "$(ONLY)" $@

PHONY += clean distclean
clean:
	@[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -maxdepth 1 ! -name 'linux-6.*' ! -name debian ! -name cbmc \
		! -name qemu ! -name qemu-arm64 ! -name 'integrated*' ! -name arm64 ! -name libfdt \
		-exec rm -rf {} +

distclean:
	rm -rf $(BUILD)

.PHONY: $(PHONY)

endif
