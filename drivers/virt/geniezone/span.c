// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the VMM that becomes private memory of its guest: contents and mapping of a
 * range are replaced, see gmem.c.
 */

#include <linux/cred.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mman.h>

#include "gzvm.h"
#include "stub.h"

/* User pages that are copied in one go */
#define GZVM_COPY_BATCH	32

/**
 * struct gzvm_span - a range of the VMM's address space in one mapping
 * @addr: first address
 * @nr: host pages
 * @index: their place in the driver's memory
 * @taken: the VMM's mapping shows the driver's memory there
 * @lost: there is no mapping any more, see gzvm_span_undo()
 * @asks: userfaultfd brings pages that are not there: a hole is not zeroes
 * @file: a file that shares its pages with the mapping, or NULL
 * @offset: place in @file
 */
struct gzvm_span {
	unsigned long addr;
	unsigned int nr;
	unsigned long index;
	bool taken;
	bool lost;
	bool asks;
	struct file *file;
	loff_t offset;
};

static bool gzvm_span_is_taken(struct gzvm_span *span, struct gzvm_gmem *gmem,
			       struct vm_area_struct *vma)
{
	return gzvm_gmem_is_behind(gmem, vma) &&
	       ((span->addr - vma->vm_start) >> PAGE_SHIFT) + vma->vm_pgoff ==
	       span->index;
}

static bool gzvm_is_tmpfs(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	/* /dev is a tmpfs, too, whose nodes stand for devices. */
	return inode->i_sb->s_magic == TMPFS_MAGIC && S_ISREG(inode->i_mode);
}

/*
 * Only these keep nothing but memory behind their pages, and can let go of a page. The
 * VMM wants to keep contents that it cannot write by the mapping.
 */
static bool gzvm_span_is_memory(struct vm_area_struct *vma)
{
	if (!vma->vm_file || !(vma->vm_flags & VM_SHARED) ||
	    !(vma->vm_flags & VM_WRITE))
		return false;
	return is_vm_hugetlb_page(vma) || gzvm_is_tmpfs(vma->vm_file);
}

/* Cut @span to what ends at an address. */
static void gzvm_span_cut(struct gzvm_span *span, unsigned long end)
{
	span->nr = min_t(unsigned long, span->nr, (end - span->addr) >> PAGE_SHIFT);
}

static void gzvm_span_look_at(struct gzvm_span *span, struct gzvm_gmem *gmem,
			      struct vm_area_struct *vma)
{
	gzvm_span_cut(span, vma->vm_end);
	span->taken = gzvm_span_is_taken(span, gmem, vma);
	span->asks = vma->vm_flags & VM_UFFD_MISSING;
	if (!span->taken && gzvm_span_is_memory(vma)) {
		span->file = get_file(vma->vm_file);
		span->offset = ((loff_t)vma->vm_pgoff << PAGE_SHIFT) +
			       (span->addr - vma->vm_start);
	}
}

/* Look at the mapping at @span->addr, and cut @span to it. */
static int gzvm_span_find(struct gzvm_span *span, struct gzvm_gmem *gmem)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret;

	ret = mmap_read_lock_killable(mm);
	if (ret)
		return ret;
	vma = find_vma(mm, span->addr);
	if (vma && vma->vm_start <= span->addr) {
		gzvm_span_look_at(span, gmem, vma);
	} else {
		if (vma)
			gzvm_span_cut(span, vma->vm_start);
		span->nr = gzvm_gmem_lost(gmem, span->index, span->nr);
		span->lost = span->nr;
		ret = span->lost ? 0 : -EFAULT;
	}
	mmap_read_unlock(mm);
	return ret;
}

/*
 * How many pages from a place on are a hole in the file: they need not be copied. To touch
 * them would make pages in the file. @file is the driver's own: a seek moves it.
 */
static unsigned int gzvm_span_hole(struct gzvm_span *span, struct file *file,
				   unsigned int done)
{
	loff_t pos = span->offset + ((loff_t)done << PAGE_SHIFT), data;
	unsigned int left = span->nr - done;

	if (!file)
		return 0;
	data = vfs_llseek(file, pos, SEEK_DATA);
	if (data == -ENXIO)
		return left;
	return data < pos ? 0 : min_t(u64, (data - pos) >> PAGE_SHIFT, left);
}

/* A file in which holes can be found, or NULL */
static struct file *gzvm_span_reopen(struct gzvm_span *span)
{
	struct file *file;

	if (!span->file || span->asks || !gzvm_is_tmpfs(span->file))
		return NULL;
	file = dentry_open(&span->file->f_path, O_RDONLY, current_cred());
	return IS_ERR(file) ? NULL : file;
}

/* Copy what the VMM has in a range into new pages. */
static int gzvm_span_copy_from(struct gzvm_span *span, struct gzvm_gmem *gmem,
			       struct file *file, unsigned int wait)
{
	struct page *from[GZVM_COPY_BATCH];
	unsigned int done;
	int nr;

	for (done = 0; done < span->nr; done += nr) {
		nr = gzvm_span_hole(span, file, done);
		if (nr)
			continue;
		nr = min_t(unsigned int, span->nr - done, ARRAY_SIZE(from));
		nr = get_user_pages_unlocked(span->addr +
					     ((unsigned long)done << PAGE_SHIFT),
					     nr, from, wait);
		if (nr <= 0)
			return nr ?: (wait ? -EBUSY : -EFAULT);
		gzvm_gmem_copy(gmem, span->index + done, from, nr);
	}
	return 0;
}

static int gzvm_span_copy(struct gzvm_span *span, struct gzvm_gmem *gmem,
			  unsigned int wait)
{
	struct file *file = gzvm_span_reopen(span);
	int ret;

	ret = gzvm_span_copy_from(span, gmem, file, wait);
	if (file)
		fput(file);
	return ret;
}

/**
 * gzvm_span_mmap() - map memory of the driver for the VMM
 * @file: from gzvm_gmem_map_file()
 * @addr: where
 * @size: bytes
 * @fixed: MAP_FIXED, or MAP_FIXED_NOREPLACE
 * @offset: place of the memory in the file
 *
 * Tests replace it.
 *
 * Context: process context of the owner of the address space.
 * Return: the address, or an errno in it.
 */
unsigned long gzvm_span_mmap(struct file *file, unsigned long addr,
			     unsigned long size, unsigned long fixed,
			     unsigned long offset)
{
	KUNIT_STATIC_STUB_REDIRECT(gzvm_span_mmap, file, addr, size, fixed, offset);

	return vm_mmap(file, addr, size, PROT_READ | PROT_WRITE, MAP_SHARED | fixed,
		       offset);
}

/* Replace the VMM's mapping of a range, if there is one, by one of the driver's pages. */
static int gzvm_span_replace(struct gzvm_span *span, struct gzvm_gmem *gmem)
{
	struct file *file = gzvm_gmem_map_file(gmem);
	unsigned long addr;

	if (IS_ERR(file))
		return PTR_ERR(file);
	addr = gzvm_span_mmap(file, span->addr, (unsigned long)span->nr << PAGE_SHIFT,
			      span->lost ? MAP_FIXED_NOREPLACE : MAP_FIXED,
			      span->index << PAGE_SHIFT);
	fput(file);
	return IS_ERR_VALUE(addr) ? (long)addr : 0;
}

/*
 * The mapping was not replaced. When a kernel runs out of memory, it may have removed the
 * old mapping by then. The driver has the only copy of the contents in that case. Map it
 * before others map something there; or when the guest or the VMM tries again.
 */
static int gzvm_span_undo(struct gzvm_span *span, struct gzvm_gmem *gmem, int err)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	vma = find_vma(mm, span->addr);
	span->lost = !vma || vma->vm_start > span->addr;
	mmap_read_unlock(mm);
	if (!span->lost) {
		gzvm_gmem_free(gmem, span->index, span->nr, false);
		return err;
	}
	gzvm_gmem_set_lost(gmem, span->index, span->nr);
	return gzvm_span_replace(span, gmem);
}

/*
 * Nobody needs the old pages any more. A file that cannot let go of them, for example a
 * sealed one, keeps them: they hold nothing that the VMM did not put there.
 */
static void gzvm_span_punch(struct gzvm_span *span)
{
	if (span->file)
		(void)vfs_fallocate(span->file,
				    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				    span->offset,
				    (loff_t)span->nr << PAGE_SHIFT);
}

/* Returns 0, -EBUSY for a page that has to be waited for, or another error. */
static int gzvm_span_take_one(struct gzvm_span *span, struct gzvm_gmem *gmem,
			      unsigned int wait)
{
	int ret;

	if (span->lost)
		return gzvm_span_replace(span, gmem);

	/* Pages that EL2 refused, and that the VMM has mapped something over */
	gzvm_gmem_free(gmem, span->index, span->nr, false);

	ret = gzvm_gmem_make(gmem, span->index, span->nr);
	if (!ret)
		ret = gzvm_span_copy(span, gmem, wait);
	if (ret) {
		gzvm_gmem_free(gmem, span->index, span->nr, false);
		return ret;
	}
	ret = gzvm_span_replace(span, gmem);
	if (ret)
		ret = gzvm_span_undo(span, gmem, ret);
	if (!ret)
		gzvm_span_punch(span);
	return ret;
}

/**
 * gzvm_span_take() - take a range out of the VMM's reach and get its pages
 * @gmem: the memory
 * @index: place of the first page in it
 * @addr: where the VMM has the range
 * @nr: host pages, none of which EL2 has
 * @pages: where to store the pages
 * @wait: FOLL_NOWAIT: do not wait for pages that are not there; or 0
 * @err: result: 0, or the error at the first page that could not be had; 0 for
 *	 fewer than @nr pages with FOLL_NOWAIT: that page has to be waited for
 *
 * The contents of the VMM's pages are copied. So it does not matter who else holds them
 * or maps them: a child, direct I/O, a fixed buffer of io_uring. These go on with the
 * old pages, in which the guest's data never are.
 *
 * Where the VMM maps the driver's pages already, it sees them as they are.
 *
 * Context: process context of the owner of the address space; takes mmap_lock for
 * writing. Locks that a fault of the VMM takes must not be held.
 * Return: how many pages from the first one on are stored in @pages.
 */
unsigned int gzvm_span_take(struct gzvm_gmem *gmem, unsigned long index,
			    unsigned long addr, unsigned int nr,
			    struct page **pages, unsigned int wait, int *err)
{
	struct gzvm_span span;
	unsigned int done;
	int ret = 0;

	for (done = 0; done < nr; done += span.nr) {
		span = (struct gzvm_span) {
			.addr = addr + ((unsigned long)done << PAGE_SHIFT),
			.nr = nr - done,
			.index = index + done,
		};
		ret = gzvm_span_find(&span, gmem);
		if (!ret && !span.taken)
			ret = gzvm_span_take_one(&span, gmem, wait);
		if (span.file)
			fput(span.file);
		if (!ret)
			ret = gzvm_gmem_give(gmem, span.index, span.nr,
					     pages + done);
		if (ret)
			break;
	}
	*err = ret == -EBUSY ? 0 : ret;
	return done;
}
