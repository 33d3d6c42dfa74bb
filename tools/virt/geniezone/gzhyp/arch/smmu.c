// SPDX-License-Identifier: GPL-2.0
/*
 * The SMMUv3 (Arm IHI 0070) between the host's PCI devices and memory. All streams
 * have the same stream table entry, which leads to the same table: see dma.c.
 *
 * Translation is by stage 1, because the SMMUv3 of QEMU before 8.1 has no stage 2.
 * Faults of devices are not recorded: the device gets an abort.
 *
 * owner.lock protects the command queue.
 */
#include "arch/barrier.h"
#include "arch/cpu.h"
#include "arch/smmu.h"
#include "core/mem/pool.h"
#include "lib/print.h"
#include "platform/platform.h"

#define SMMU_IDR0		0x00
#define IDR0_S1P		BIT(1)
#define IDR0_TTF_AARCH64	BIT(3)
#define IDR0_COHACC		BIT(4)
#define IDR0_ATS		BIT(10)
#define IDR0_ST_2LEVEL		BIT(27)
#define SMMU_IDR1		0x04
#define IDR1_PRESET		(BIT(29) | BIT(30))
#define SMMU_IDR5		0x14
#define IDR5_GRAN4K		BIT(4)
#define SMMU_CR0		0x20
#define SMMU_CR0ACK		0x24
#define CR0_SMMUEN		BIT(0)
#define CR0_CMDQEN		BIT(3)
#define CR0_ATSCHK		BIT(4)
#define SMMU_CR1		0x28
#define CR1_CACHEABLE		0xd75		/* tables and queues: WB, ISH */
#define SMMU_CR2		0x2c
#define CR2_PTM			BIT(2)
#define SMMU_STRTAB_BASE	0x80
#define SMMU_STRTAB_BASE_CFG	0x88
#define STRTAB_2LEVEL		BIT(16)
#define SMMU_CMDQ_BASE		0x90
#define SMMU_CMDQ_PROD		0x98
#define SMMU_CMDQ_CONS		0x9c
#define CMDQ_CONS_ERR		0x7f000000
#define BASE_ALLOCATE		BIT(62)

/* Stream IDs are PCI's requester IDs; those above abort. */
#define SID_BITS		16U
#define L2_BITS			8U
#define STE_SIZE		64
#define STE0_VALID		BIT(0)
#define STE0_STAGE1		(5UL << 1)
#define STE1_CACHEABLE		(1UL << 2 | 1UL << 4 | 3UL << 6)
#define STE1_SHARED_AS_IS	(1UL << 44)

#define CD0_NO_TTB1		BIT(30)
#define CD0_VALID		BIT(31)
#define CD0_AARCH64		BIT(41)
#define CD0_ABORT		BIT(46)
#define CD0_CACHEABLE		(1UL << 8 | 1UL << 10 | 3UL << 12)
#define CD0_ONE_ASID		BIT(47)
#define CD3_MAIR		0xffUL		/* attribute 0: write-back */

#define CMDQ_BITS		8U
#define CMDQ_SIZE		BIT(CMDQ_BITS)
#define CMD_CFGI_ALL		0x04
#define CFGI_RANGE_ALL		31
#define CMD_TLBI_NH_VA		0x12
#define CMD_TLBI_NSNH_ALL	0x30
#define CMD_SYNC		0x46

/* For more pages everything is invalidated. */
#define INVALIDATE_PAGES	16

static struct {
	u64 *queue;
	u32 prod;
} smmu;

static volatile u32 *reg32(u64 offset)
{
	return (volatile u32 *)(platform.smmu.base + offset);
}

static volatile u64 *reg64(u64 offset)
{
	return (volatile u64 *)(platform.smmu.base + offset);
}

static u64 *table(u64 size)
{
	u64 *ptr = pool_alloc(pool_order(size));

	if (!ptr)
		panic("no memory for the SMMU's tables");
	return ptr;
}

/**
 * smmu_is_usable() - has the machine an SMMU of which gzhyp can make use?
 */
bool smmu_is_usable(void)
{
	u64 want = IDR0_S1P | IDR0_TTF_AARCH64 | IDR0_COHACC | IDR0_ST_2LEVEL;

	return platform.smmu.size && (*reg32(SMMU_IDR0) & want) == want &&
	       !(*reg32(SMMU_IDR1) & IDR1_PRESET) &&
	       FIELD(*reg32(SMMU_IDR1), 21, 5) >= CMDQ_BITS &&
	       (*reg32(SMMU_IDR5) & IDR5_GRAN4K);
}

/* The SMMU answers in time, or devices might go on with what was taken from them. */
static void wait_for(u64 offset, u32 mask, u32 value, const char *for_what)
{
	u64 start = read_sysreg(cntpct_el0);

	while ((*reg32(offset) & mask) != value)
		if (read_sysreg(cntpct_el0) - start > read_sysreg(cntfrq_el0))
			panic("the SMMU does not answer: %s", for_what);
}

static void write_cr0(u32 value)
{
	*reg32(SMMU_CR0) = value;
	wait_for(SMMU_CR0ACK, -1, value, "CR0");
}

/* The queue is empty before each operation, and none is longer than the queue. */
static void command(u64 first, u64 second)
{
	u64 *at = smmu.queue + 2 * (smmu.prod % CMDQ_SIZE);

	at[0] = first;
	at[1] = second;
	smmu.prod = (smmu.prod + 1) % (2 * CMDQ_SIZE);
}

static void sync(void)
{
	command(CMD_SYNC, 0);
	dsb_sy();
	*reg32(SMMU_CMDQ_PROD) = smmu.prod;
	wait_for(SMMU_CMDQ_CONS, CMDQ_CONS_ERR | (2 * CMDQ_SIZE - 1), smmu.prod,
		 "commands");
}

static void set_up_queue(void)
{
	smmu.queue = table(16 * CMDQ_SIZE);
	*reg64(SMMU_CMDQ_BASE) = va_to_pa(smmu.queue).v | BASE_ALLOCATE | CMDQ_BITS;
	*reg32(SMMU_CMDQ_PROD) = 0;
	*reg32(SMMU_CMDQ_CONS) = 0;
}

/* Sizes of addresses have the same numbers in the CPU and in the SMMU. */
static u64 *context(const struct pgtable *pgt)
{
	u64 cpu = FIELD(read_sysreg(id_aa64mmfr0_el1), 0, 4);
	u64 ips = MIN(MIN(cpu, 5UL), FIELD(*reg32(SMMU_IDR5), 0, 3));
	u64 *cd = table(STE_SIZE);

	cd[0] = (64UL - pgt->ia_bits) | CD0_CACHEABLE | CD0_NO_TTB1 | CD0_VALID |
		ips << 32 | CD0_AARCH64 | CD0_ABORT | CD0_ONE_ASID;
	cd[1] = va_to_pa(pgt->root).v;
	cd[3] = CD3_MAIR;
	return cd;
}

/* A table of two levels, whose second one is there once and for all streams */
static void set_up_streams(const u64 *cd)
{
	u64 *ste = table(STE_SIZE << L2_BITS), *l1 = table(8 << (SID_BITS - L2_BITS));
	unsigned int i;

	for (i = 0; i < 1U << L2_BITS; i++) {
		ste[8 * i] = va_to_pa(cd).v | STE0_STAGE1 | STE0_VALID;
		ste[8 * i + 1] = STE1_CACHEABLE | STE1_SHARED_AS_IS;
	}
	for (i = 0; i < 1U << (SID_BITS - L2_BITS); i++)
		l1[i] = va_to_pa(ste).v | (L2_BITS + 1);
	*reg64(SMMU_STRTAB_BASE) = va_to_pa(l1).v | BASE_ALLOCATE;
	*reg32(SMMU_STRTAB_BASE_CFG) = STRTAB_2LEVEL | L2_BITS << 6 |
		MIN((u32)FIELD(*reg32(SMMU_IDR1), 0, 6), SID_BITS);
}

/**
 * smmu_enable() - put all devices behind a table
 * @pgt: the table, of stage 1
 *
 * For smmu_is_usable(). Panics if the SMMU does not answer.
 */
void smmu_enable(const struct pgtable *pgt)
{
	u32 ats = *reg32(SMMU_IDR0) & IDR0_ATS ? CR0_ATSCHK : 0;

	write_cr0(0);
	*reg32(SMMU_CR1) = CR1_CACHEABLE;
	*reg32(SMMU_CR2) = CR2_PTM;
	set_up_queue();
	set_up_streams(context(pgt));
	dsb_sy();
	write_cr0(CR0_CMDQEN);
	command(CMD_CFGI_ALL, CFGI_RANGE_ALL);
	command(CMD_TLBI_NSNH_ALL, 0);
	sync();
	write_cr0(CR0_CMDQEN | CR0_SMMUEN | ats);
}

/**
 * smmu_invalidate() - make the SMMU forget translations
 * @ia: start
 * @size: bytes
 *
 * When this returns, accesses by the old translations have ended (IHI 0070, 4.7.3).
 */
void smmu_invalidate(u64 ia, u64 size)
{
	u64 end = ia + size;

	if (size > INVALIDATE_PAGES * PAGE_SIZE)
		command(CMD_TLBI_NSNH_ALL, 0);
	else
		for (; ia < end; ia += PAGE_SIZE)
			command(CMD_TLBI_NH_VA, ia);
	sync();
}
