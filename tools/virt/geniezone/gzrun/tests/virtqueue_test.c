// SPDX-License-Identifier: GPL-2.0
/*
 * Queues and the network's peer against a hostile guest. Runs on the build
 * machine. Guest memory is one heap block, so that the sanitizers see each byte
 * beside it.
 */

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_ring.h>

#include "virtio/net_loop.h"
#include "virtio/virtqueue.h"

#define GPA		0x80000000ULL
#define MEM_SIZE	0x10000
#define SIZE		8
#define DESC		0x0
#define AVAIL		0x1000
#define USED		0x2000
#define TABLE		0x3000
#define DATA		0x8000

static struct gz_memory mem;
static struct gz_vq vq;
static struct gz_chain chain;
static int failed;

#define EXPECT(cond) do {						\
	if (!(cond)) {							\
		failed = 1;						\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
	}								\
} while (0)

static void *at(uint64_t offset)
{
	return (char *)mem.hva + offset;
}

static void set_desc(uint64_t table, unsigned int i, uint64_t addr,
		     uint32_t len, uint16_t flags, uint16_t next)
{
	struct vring_desc *d = at(table);

	d[i] = (struct vring_desc){ htole64(addr), htole32(len),
				    htole16(flags), htole16(next) };
}

/* Makes the chain that begins at @head the next one to take */
static void offer(uint16_t head)
{
	struct vring_avail *avail = at(AVAIL);
	uint16_t idx = le16toh(avail->idx);

	avail->ring[idx % SIZE] = htole16(head);
	avail->idx = htole16(idx + 1);
}

static void fresh(void)
{
	memset(mem.hva, 0, MEM_SIZE);
	gz_vq_reset(&vq);
	vq.mem = &mem;
	vq.size = SIZE;
	vq.desc_gpa = GPA + DESC;
	vq.avail_gpa = GPA + AVAIL;
	vq.used_gpa = GPA + USED;
	vq.indirect = true;
	EXPECT(!gz_vq_enable(&vq));
}

static int pop_one(void)
{
	offer(0);
	return gz_vq_pop(&vq, &chain);
}

static void chain_has_its_pieces(void)
{
	fresh();
	EXPECT(gz_vq_pop(&vq, &chain) == 0);
	set_desc(DESC, 0, GPA + DATA, 16, VRING_DESC_F_NEXT, 5);
	set_desc(DESC, 5, GPA + DATA + 64, 1, VRING_DESC_F_WRITE, 0);
	EXPECT(pop_one() == 1);
	EXPECT(chain.nr_out == 1 && chain.out_len == 16);
	EXPECT(chain.nr_in == 1 && chain.in_len == 1);
	EXPECT(chain.iov[0].iov_base == at(DATA));
	EXPECT(gz_chain_in(&chain)->iov_base == at(DATA + 64));
	EXPECT(gz_vq_pop(&vq, &chain) == 0);
}

static void indirect_table_is_followed(void)
{
	unsigned int i;

	fresh();
	set_desc(DESC, 0, GPA + TABLE, GZ_VQ_MAX * 16, VRING_DESC_F_INDIRECT,
		 0);
	for (i = 0; i < GZ_VQ_MAX; i++)
		set_desc(TABLE, i, GPA + DATA + i, 1,
			 i + 1 < GZ_VQ_MAX ? VRING_DESC_F_NEXT : 0, i + 1);
	EXPECT(pop_one() == 1);
	EXPECT(chain.nr_out == GZ_VQ_MAX && chain.out_len == GZ_VQ_MAX);
}

static void bad_descriptors_are_refused(void)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} bad[] = {
		/* a loop, and a next descriptor outside of the table */
		{ GPA + DATA, 1, VRING_DESC_F_NEXT, 0 },
		{ GPA + DATA, 1, VRING_DESC_F_NEXT, SIZE },
		{ GPA + DATA, 1, VRING_DESC_F_NEXT, 0xffff },
		/* not in guest memory */
		{ 0, 1, 0, 0 },
		{ GPA - 1, 1, 0, 0 },
		{ GPA - 1, 2, 0, 0 },
		{ GPA + MEM_SIZE, 1, 0, 0 },
		{ GPA + MEM_SIZE - 1, 2, 0, 0 },
		{ GPA + DATA, 0xffffffff, 0, 0 },
		{ ~0ULL, 2, 0, 0 },
		/* indirect tables: wrong size, wrong place, NEXT as well */
		{ GPA + TABLE, 0, VRING_DESC_F_INDIRECT, 0 },
		{ GPA + TABLE, 8, VRING_DESC_F_INDIRECT, 0 },
		{ GPA + TABLE, 24, VRING_DESC_F_INDIRECT, 0 },
		{ GPA + TABLE, (GZ_VQ_MAX + 1) * 16, VRING_DESC_F_INDIRECT, 0 },
		{ GPA + MEM_SIZE - 8, 16, VRING_DESC_F_INDIRECT, 0 },
		{ GPA + TABLE, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		fresh();
		set_desc(DESC, 0, bad[i].addr, bad[i].len, bad[i].flags,
			 bad[i].next);
		set_desc(DESC, 1, GPA + DATA, 1, 0, 0);
		set_desc(TABLE, 0, GPA + DATA, 1, 0, 0);
		if (pop_one() != -EINVAL) {
			failed = 1;
			printf("# bad descriptor %u was taken\n", i);
		}
	}
}

static void bad_chains_are_refused(void)
{
	fresh();
	set_desc(DESC, 0, GPA + DATA, 1, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT,
		 1);
	set_desc(DESC, 1, GPA + DATA, 1, 0, 0);
	EXPECT(pop_one() == -EINVAL);

	/* A table in a table, and a table that contains itself */
	fresh();
	set_desc(DESC, 0, GPA + TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	set_desc(TABLE, 0, GPA + TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	EXPECT(pop_one() == -EINVAL);

	/* A table that is the queue's own: it contains itself */
	fresh();
	set_desc(DESC, 0, GPA + DESC, SIZE * 16, VRING_DESC_F_INDIRECT, 0);
	EXPECT(pop_one() == -EINVAL);

	/* A loop in a table */
	fresh();
	set_desc(DESC, 0, GPA + TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	set_desc(TABLE, 0, GPA + DATA, 1, VRING_DESC_F_NEXT, 0);
	EXPECT(pop_one() == -EINVAL);

	/* Indirect descriptors were not negotiated */
	fresh();
	vq.indirect = false;
	set_desc(DESC, 0, GPA + TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	set_desc(TABLE, 0, GPA + DATA, 1, 0, 0);
	EXPECT(pop_one() == -EINVAL);

	fresh();
	offer(SIZE);
	EXPECT(gz_vq_pop(&vq, &chain) == -EINVAL);

	fresh();
	((struct vring_avail *)at(AVAIL))->idx = htole16(SIZE + 1);
	EXPECT(gz_vq_pop(&vq, &chain) == -EINVAL);
}

static bool enables(uint32_t size, uint64_t desc, uint64_t avail, uint64_t used)
{
	gz_vq_reset(&vq);
	vq.size = size;
	vq.desc_gpa = desc;
	vq.avail_gpa = avail;
	vq.used_gpa = used;
	return !gz_vq_enable(&vq) && vq.ready;
}

static void bad_queues_are_refused(void)
{
	uint64_t end = GPA + MEM_SIZE;

	fresh();
	EXPECT(enables(SIZE, GPA, GPA + AVAIL, GPA + USED));
	EXPECT(!enables(0, GPA, GPA + AVAIL, GPA + USED));
	EXPECT(!enables(3, GPA, GPA + AVAIL, GPA + USED));
	EXPECT(!enables(2 * GZ_VQ_MAX, GPA, GPA + AVAIL, GPA + USED));
	EXPECT(!enables(0x80000000, GPA, GPA + AVAIL, GPA + USED));
	EXPECT(!enables(SIZE, GPA + 8, GPA + AVAIL, GPA + USED));
	EXPECT(!enables(SIZE, GPA, GPA + AVAIL + 1, GPA + USED));
	EXPECT(!enables(SIZE, GPA, GPA + AVAIL, GPA + USED + 2));
	EXPECT(!enables(SIZE, 0, GPA + AVAIL, GPA + USED));
	EXPECT(!enables(SIZE, GPA, 0, GPA + USED));
	EXPECT(!enables(SIZE, GPA, GPA + AVAIL, 0));
	/*
	 * A ring that just fits into memory, and one that does not, with the
	 * event index
	 */
	EXPECT(enables(SIZE, end - SIZE * 16, GPA + AVAIL, GPA + USED));
	EXPECT(!enables(SIZE, end - SIZE * 16 + 16, GPA + AVAIL, GPA + USED));
	EXPECT(enables(SIZE, GPA, end - 6 - 2 * SIZE, GPA + USED));
	EXPECT(!enables(SIZE, GPA, end - 4 - 2 * SIZE, GPA + USED));
	EXPECT(enables(SIZE, GPA, GPA + AVAIL, end - 8 - 8 * SIZE));
	EXPECT(!enables(SIZE, GPA, GPA + AVAIL, end - 4 - 8 * SIZE));
}

static void indices_wrap(void)
{
	struct vring_used *used = at(USED);
	unsigned int i;

	fresh();
	set_desc(DESC, 0, GPA + DATA, 4, VRING_DESC_F_WRITE, 0);
	for (i = 0; i < 0x20005; i++) {
		if (pop_one() != 1)
			break;
		gz_vq_push(&vq, &chain, i);
		if (le16toh(used->idx) != (uint16_t)(i + 1) ||
		    le32toh(used->ring[i % SIZE].len) != i)
			break;
	}
	EXPECT(i == 0x20005);
}

static void interrupts_as_asked_for(void)
{
	struct vring_avail *avail = at(AVAIL);

	fresh();
	set_desc(DESC, 0, GPA + DATA, 4, VRING_DESC_F_WRITE, 0);
	EXPECT(!gz_vq_wants_irq(&vq));
	EXPECT(pop_one() == 1);
	gz_vq_push(&vq, &chain, 0);
	EXPECT(gz_vq_wants_irq(&vq));
	EXPECT(!gz_vq_wants_irq(&vq));
	avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT);
	EXPECT(pop_one() == 1);
	gz_vq_push(&vq, &chain, 0);
	EXPECT(!gz_vq_wants_irq(&vq));

	/*
	 * The driver wants an interrupt at the third chain, whatever the flag
	 * says
	 */
	fresh();
	set_desc(DESC, 0, GPA + DATA, 4, VRING_DESC_F_WRITE, 0);
	vq.event_idx = true;
	avail->ring[SIZE] = htole16(2);
	EXPECT(pop_one() == 1);
	gz_vq_push(&vq, &chain, 0);
	EXPECT(!gz_vq_wants_irq(&vq));
	EXPECT(pop_one() == 1);
	gz_vq_push(&vq, &chain, 0);
	EXPECT(!gz_vq_wants_irq(&vq));
	EXPECT(pop_one() == 1);
	gz_vq_push(&vq, &chain, 0);
	EXPECT(gz_vq_wants_irq(&vq));
}

static void listening_tells_where_it_is(void)
{
	struct vring_used *used = at(USED);

	fresh();
	vq.event_idx = true;
	set_desc(DESC, 0, GPA + DATA, 4, 0, 0);
	EXPECT(pop_one() == 1);
	EXPECT(!gz_vq_listen(&vq));
	EXPECT(*(uint16_t *)&used->ring[SIZE] == htole16(1));
	offer(0);
	EXPECT(gz_vq_listen(&vq));
}

static void chains_are_seen_when_they_are_published(void)
{
	struct vring_used *used = at(USED);

	fresh();
	set_desc(DESC, 0, GPA + DATA, 16, VRING_DESC_F_WRITE, 0);
	set_desc(DESC, 1, GPA + DATA, 32, VRING_DESC_F_WRITE, 0);
	offer(0);
	offer(1);
	EXPECT(gz_vq_pop(&vq, &chain) == 1 && chain.in_len == 16);
	EXPECT(gz_vq_pop(&vq, &chain) == 1 && chain.in_len == 32);
	gz_vq_untake(&vq, 2);
	EXPECT(gz_vq_pop(&vq, &chain) == 1 && chain.in_len == 16);
	gz_vq_put(&vq, &chain, 7);
	EXPECT(gz_vq_pop(&vq, &chain) == 1 && chain.in_len == 32);
	gz_vq_put(&vq, &chain, 8);
	EXPECT(le16toh(used->idx) == 0);
	gz_vq_publish(&vq);
	EXPECT(le16toh(used->idx) == 2);
	EXPECT(le32toh(used->ring[0].id) == 0 && le32toh(used->ring[0].len) == 7);
	EXPECT(le32toh(used->ring[1].id) == 1 && le32toh(used->ring[1].len) == 8);
}

static void bytes_cross_pieces(void)
{
	uint8_t buf[16], *last;

	fresh();
	memcpy(at(DATA), "abcdefgh", 8);
	set_desc(DESC, 0, GPA + DATA, 3, VRING_DESC_F_NEXT, 1);
	set_desc(DESC, 1, GPA + DATA, 0, VRING_DESC_F_NEXT, 2);
	set_desc(DESC, 2, GPA + DATA + 3, 5, VRING_DESC_F_NEXT, 3);
	set_desc(DESC, 3, GPA + DATA + 16, 2, VRING_DESC_F_NEXT |
		 VRING_DESC_F_WRITE, 4);
	set_desc(DESC, 4, GPA + DATA + 32, 2, VRING_DESC_F_NEXT |
		 VRING_DESC_F_WRITE, 5);
	set_desc(DESC, 5, GPA + DATA + 48, 0, VRING_DESC_F_WRITE, 0);
	EXPECT(pop_one() == 1);
	EXPECT(gz_chain_read(&chain, buf, 4) == 4 && !memcmp(buf, "abcd", 4));
	EXPECT(gz_chain_read(&chain, buf, 16) == 4 && !memcmp(buf, "efgh", 4));
	EXPECT(chain.out_len == 0);
	EXPECT(gz_chain_take_last(&chain, &last) && last == at(DATA + 33));
	EXPECT(gz_chain_write(&chain, "xyz!", 4) == 3 && chain.in_len == 0);
	EXPECT(!memcmp(at(DATA + 16), "xy", 2) && !memcmp(at(DATA + 32), "z", 2));
	EXPECT(!gz_chain_take_last(&chain, &last));
}

static bool inside(const struct iovec *iov)
{
	const char *p = iov->iov_base, *start = mem.hva;

	return p >= start && iov->iov_len <= MEM_SIZE &&
	       p + iov->iov_len <= start + MEM_SIZE;
}

/* Half of the fields are almost valid, otherwise most chains would fail at once. */
static void random_desc(uint64_t table, unsigned int i)
{
	static const uint64_t bases[] = { GPA, GPA + TABLE, GPA + DATA,
					  GPA + MEM_SIZE - 64, 0 };

	set_desc(table, i, bases[rand() % 5] + rand() % 64,
		 rand() % 2 ? rand() % 0x100 * 16 : rand(),
		 rand() % 8, rand() % 16 ? rand() % (SIZE + 1) : rand());
}

static void random_rings_stay_inside(void)
{
	unsigned int round, i, taken = 0;

	srand(1);
	for (round = 0; round < 20000; round++) {
		fresh();
		for (i = 0; i < SIZE; i++)
			random_desc(DESC, i);
		for (i = 0; i < 32; i++)
			random_desc(TABLE, i);
		offer(rand() % (SIZE + 1));
		if (gz_vq_pop(&vq, &chain) != 1)
			continue;
		taken++;
		EXPECT(chain.nr_out + chain.nr_in <= GZ_VQ_MAX);
		for (i = 0; i < chain.nr_out + chain.nr_in; i++)
			EXPECT(inside(&chain.iov[i]));
	}
	EXPECT(taken > 100);
}

static void random_frames_get_no_longer_answer(void)
{
	unsigned int round, i;

	srand(2);
	for (round = 0; round < 50000; round++) {
		size_t len = rand() % 100, n;
		uint8_t *frame = malloc(len), *answer = malloc(len);

		for (i = 0; i < len; i++)
			frame[i] = rand();
		if (len > 34 && rand() % 4) {
			memcpy(frame + 12, rand() % 3 ? "\x08\x00\x45" :
			       "\x08\x06\x00", 3);
			frame[16] = 0;
			frame[17] = rand() % 100;
			frame[20] = 0;
			frame[21] = 0;
			frame[23] = 1;
			frame[34] = 8;
		}
		n = gz_net_loop_answer(frame, len, answer);
		EXPECT(n <= len);
		free(frame);
		free(answer);
	}
}

static uint16_t sum(const uint8_t *p, size_t len)
{
	uint32_t s = 0;

	for (; len; len -= 2, p += 2)
		s += p[0] << 8 | p[1];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void ping_is_answered(void)
{
	uint8_t frame[14 + 20 + 8 + 2] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0,
		0x45, 0, 0, 30, 0, 0, 0x40, 0, 64, 1, 0, 0,
		10, 0, 9, 2, 10, 0, 9, 1, 8, 0, 0, 0,
	};
	uint8_t answer[sizeof(frame)];
	unsigned int i;

	for (i = 0; i < 0x10000; i++) {
		uint16_t check;

		memcpy(frame + 38, (uint8_t []){ i >> 8, i }, 2);
		frame[36] = 0;
		frame[37] = 0;
		check = ~sum(frame + 34, 10);
		memcpy(frame + 36, (uint8_t []){ check >> 8, check }, 2);
		if (gz_net_loop_answer(frame, sizeof(frame), answer) !=
		    sizeof(frame) || sum(answer + 34, 10) != 0xffff)
			break;
	}
	EXPECT(i == 0x10000);
	EXPECT(answer[34] == 0 && !memcmp(answer, frame + 6, 6));
	EXPECT(!memcmp(answer + 26, frame + 30, 4));
	EXPECT(!memcmp(answer + 30, frame + 26, 4));
	/* Fragments are not assembled */
	frame[20] = 0x20;
	EXPECT(!gz_net_loop_answer(frame, sizeof(frame), answer));
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
#define TEST(f) { #f, f }
	TEST(chain_has_its_pieces),
	TEST(indirect_table_is_followed),
	TEST(bad_descriptors_are_refused),
	TEST(bad_chains_are_refused),
	TEST(bad_queues_are_refused),
	TEST(indices_wrap),
	TEST(interrupts_as_asked_for),
	TEST(listening_tells_where_it_is),
	TEST(chains_are_seen_when_they_are_published),
	TEST(bytes_cross_pieces),
	TEST(random_rings_stay_inside),
	TEST(random_frames_get_no_longer_answer),
	TEST(ping_is_answered),
};

int main(void)
{
	unsigned int i, nr = sizeof(tests) / sizeof(*tests);
	int any = 0;

	mem = (struct gz_memory){ .gpa = GPA, .size = MEM_SIZE,
		.hva = aligned_alloc(4096, MEM_SIZE) };
	if (!mem.hva)
		return 1;
	setlinebuf(stdout);
	printf("TAP version 13\n1..%u\n", nr);
	for (i = 0; i < nr; i++) {
		failed = 0;
		tests[i].run();
		any |= failed;
		printf("%sok %u %s\n", failed ? "not " : "", i + 1,
		       tests[i].name);
	}
	free(mem.hva);
	return any;
}
