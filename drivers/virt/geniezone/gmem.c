// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that belongs to the driver.
 *
 * All private memory of a protected VM is of this kind. The host must not touch a page
 * that EL2 has sealed, and the kernel has many ways to touch a page that it can find:
 * through the page table of a process (direct I/O, ptrace, KSM, core dumps, fork), or
 * in the page cache (reads, hole punching, truncation). Therefore these pages are in
 * neither. The driver has allocated them itself: nobody else has a reference to one,
 * none is on an LRU list or in a file's page cache, and none moves.
 *
 * Such memory comes from one of two places:
 *
 *   - a file that the VMM has made (GZVM_CREATE_GUEST_MEMFD). The VMM writes to it with
 *     pwrite(), and nothing maps it.
 *   - memory of the VMM, as VMMs have handed it in since before there was such a file.
 *     When the guest is about to get pages of it, their contents move to pages of the
 *     driver (gzvm_span_take()), and the VMM's mapping is replaced by a mapping of
 *     these. A page table entry there is special (VM_PFNMAP): the VMM's loads and
 *     stores use it, EL2 lets them pass while the guest shares the page, and nothing
 *     can take a reference to the page by it.
 *
 * A page is made when somebody needs it, filled with zeroes. A page that was given is
 * not given back to this file when the guest gives it up or the VM ends, but freed.
 *
 * Slots and files hold references to the memory. A file drops its own in release(): no
 * code of the module runs for it after that.
 */

#include <linux/capability.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "gzvm.h"

/* "GZVM" */
#define GZVM_FS_MAGIC	0x475a564d

/* Inodes that nobody can open come from here. Mounted as long as there is one. */
static struct vfsmount *gzvm_gmem_mnt;
static int gzvm_gmem_mnt_users;

/**
 * struct gzvm_gmem - guest memory that belongs to the driver
 * @users: references of slots and files
 * @inode: inode of its files; all mappings of the memory can be found by it
 * @lock: protects @pages and the page tables that map them
 * @pages: host pages by their place; see gzvm_gmem_is_given()
 * @mm: address space that they are accounted to
 */
struct gzvm_gmem {
	refcount_t users;
	struct inode *inode;
	struct mutex lock;	/* pages and their mappings */
	struct xarray pages;
	struct mm_struct *mm;
};

static bool gzvm_account_fits(u64 nr)
{
	return nr <= rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT || capable(CAP_IPC_LOCK);
}

/**
 * gzvm_account_check() - whether pages could be accounted
 * @mm: address space that they belong to
 * @nr: host pages
 *
 * For a caller that has much to do before it accounts them. Others may account pages
 * in between.
 *
 * Return: 0, or -ENOMEM for RLIMIT_MEMLOCK.
 */
int gzvm_account_check(struct mm_struct *mm, unsigned long nr)
{
	return gzvm_account_fits(atomic64_read(&mm->pinned_vm) + nr) ? 0 : -ENOMEM;
}

/**
 * gzvm_account() - account pages that cannot be swapped out
 * @mm: address space that they belong to
 * @nr: host pages
 *
 * Return: 0, or -ENOMEM for RLIMIT_MEMLOCK.
 */
int gzvm_account(struct mm_struct *mm, unsigned long nr)
{
	s64 old = atomic64_read(&mm->pinned_vm);

	/* An account that fails must not make others fail meanwhile. */
	do {
		if (!gzvm_account_fits(old + nr))
			return -ENOMEM;
	} while (!atomic64_try_cmpxchg(&mm->pinned_vm, &old, old + nr));
	return 0;
}

/**
 * gzvm_unaccount() - the reverse of gzvm_account()
 * @mm: address space
 * @nr: host pages
 */
void gzvm_unaccount(struct mm_struct *mm, unsigned long nr)
{
	atomic64_sub(nr, &mm->pinned_vm);
}

/* Values of page_private() */
enum gzvm_page {
	GZVM_PAGE_HOST,
	GZVM_PAGE_LOST,		/* contents of the VMM, which has lost its mapping of them */
};

/*
 * EL2 may have it: the kernel must not touch its contents. Readers of all memory, like
 * /proc/kcore and makedumpfile, leave out pages that are marked offline.
 */
static bool gzvm_gmem_is_given(struct page *page)
{
	return PageOffline(page);
}

static void gzvm_gmem_mark(struct page *page, bool given)
{
	set_page_private(page, GZVM_PAGE_HOST);
	if (given && !PageOffline(page))
		__SetPageOffline(page);
	else if (!given && PageOffline(page))
		__ClearPageOffline(page);
}

static int gzvm_gmem_insert(struct gzvm_gmem *gmem, unsigned long index,
			    struct page *page)
{
	int ret;

	set_page_private(page, GZVM_PAGE_HOST);
	ret = xa_err(xa_store(&gmem->pages, index, page, GFP_KERNEL_ACCOUNT));
	if (ret)
		__free_page(page);
	return ret;
}

static struct page *gzvm_gmem_alloc(gfp_t gfp, unsigned int order)
{
	return alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO | gfp, order);
}

/* Contiguous memory for @nr pages, if that is easily had. Returns how many were made. */
static unsigned int gzvm_gmem_add_run(struct gzvm_gmem *gmem, unsigned long index,
				      unsigned int nr)
{
	unsigned int order = ilog2(nr), i;
	struct page *page;

	if (nr == 1 || !is_power_of_2(nr))
		return 0;
	page = gzvm_gmem_alloc(__GFP_NORETRY | __GFP_NOWARN, order);
	if (!page)
		return 0;
	split_page(page, order);
	for (i = 0; i < nr; i++) {
		if (!gzvm_gmem_insert(gmem, index + i, page + i))
			continue;
		/* The pages before it count. It has been freed. */
		nr = i;
		while (++i < 1U << order)
			__free_page(page + i);
	}
	return nr;
}

/* Make the pages of a range, of which none exists. They are accounted. */
static int gzvm_gmem_add(struct gzvm_gmem *gmem, unsigned long index,
			 unsigned int nr)
{
	struct page *page;
	unsigned int i;
	int ret;

	lockdep_assert_held(&gmem->lock);

	ret = gzvm_account(gmem->mm, nr);
	if (ret)
		return ret;
	for (i = gzvm_gmem_add_run(gmem, index, nr); i < nr; i++) {
		page = gzvm_gmem_alloc(0, 0);
		ret = page ? gzvm_gmem_insert(gmem, index + i, page) : -ENOMEM;
		if (ret) {
			gzvm_unaccount(gmem->mm, nr - i);
			return ret;
		}
	}
	return 0;
}

/* First place in [index, end) without a page */
static unsigned long gzvm_gmem_gap(struct gzvm_gmem *gmem, unsigned long index,
				   unsigned long end)
{
	XA_STATE(xas, &gmem->pages, index);
	void *page;

	rcu_read_lock();
	for (page = xas_load(&xas); page && index < end; page = xas_next(&xas))
		index++;
	rcu_read_unlock();
	return min(index, end);
}

/* Make what does not exist of a range. */
static int gzvm_gmem_fill(struct gzvm_gmem *gmem, unsigned long index,
			  unsigned int nr)
{
	unsigned long end = index + nr, to;
	int ret;

	for (;; index = to) {
		index = gzvm_gmem_gap(gmem, index, end);
		if (index == end)
			return 0;
		to = index;
		if (!xa_find(&gmem->pages, &to, end - 1, XA_PRESENT))
			to = end;
		ret = gzvm_gmem_add(gmem, index, to - index);
		if (ret)
			return ret;
	}
}

static void gzvm_gmem_unmap(struct gzvm_gmem *gmem, unsigned long index,
			    unsigned long nr)
{
	unmap_mapping_range(gmem->inode->i_mapping, (loff_t)index << PAGE_SHIFT,
			    (loff_t)nr << PAGE_SHIFT, 1);
}

static void gzvm_gmem_free_locked(struct gzvm_gmem *gmem, unsigned long index,
				  unsigned long nr, bool keep)
{
	unsigned long end = index + nr - 1;
	struct page *page;

	lockdep_assert_held(&gmem->lock);

	xa_for_each_range(&gmem->pages, index, page, index, end) {
		cond_resched();
		xa_erase(&gmem->pages, index);
		if (keep)
			continue;
		gzvm_gmem_mark(page, false);
		__free_page(page);
		gzvm_unaccount(gmem->mm, 1);
	}
}

/**
 * gzvm_gmem_free() - free pages
 * @gmem: their memory
 * @index: place of the first
 * @nr: host pages
 * @keep: EL2 may still map them: they are lost for ever
 *
 * There are zeroes in their place then.
 *
 * Context: process context, may sleep.
 */
void gzvm_gmem_free(struct gzvm_gmem *gmem, unsigned long index, unsigned long nr,
		    bool keep)
{
	mutex_lock(&gmem->lock);
	gzvm_gmem_unmap(gmem, index, nr);
	gzvm_gmem_free_locked(gmem, index, nr, keep);
	mutex_unlock(&gmem->lock);
}

/**
 * gzvm_gmem_give() - get pages that EL2 is about to be given
 * @gmem: the memory
 * @index: place of the first
 * @nr: host pages
 * @pages: where to store them
 *
 * Context: process context, may sleep.
 * Return: 0, or -ENOMEM: no memory, or RLIMIT_MEMLOCK reached.
 */
int gzvm_gmem_give(struct gzvm_gmem *gmem, unsigned long index, unsigned int nr,
		   struct page **pages)
{
	XA_STATE(xas, &gmem->pages, index);
	struct page *page;
	int ret;

	mutex_lock(&gmem->lock);
	ret = gzvm_gmem_fill(gmem, index, nr);
	rcu_read_lock();
	for (page = xas_load(&xas); !ret && nr--; page = xas_next(&xas)) {
		gzvm_gmem_mark(page, true);
		*pages++ = page;
	}
	rcu_read_unlock();
	mutex_unlock(&gmem->lock);
	return ret;
}

/**
 * gzvm_gmem_return() - EL2 was not given a page after all
 * @gmem: its memory
 * @page: the page, which keeps its contents
 */
void gzvm_gmem_return(struct gzvm_gmem *gmem, struct page *page)
{
	mutex_lock(&gmem->lock);
	gzvm_gmem_mark(page, false);
	mutex_unlock(&gmem->lock);
}

/**
 * gzvm_gmem_set_lost() - note that the VMM has lost its mapping of pages
 * @gmem: their memory
 * @index: place of the first
 * @nr: host pages; the VMM may have punched holes there
 *
 * They are no longer when they have been given.
 *
 * Context: process context, may sleep.
 */
void gzvm_gmem_set_lost(struct gzvm_gmem *gmem, unsigned long index, unsigned int nr)
{
	struct page *page;

	mutex_lock(&gmem->lock);
	for (; nr; nr--, index++) {
		page = xa_load(&gmem->pages, index);
		if (page)
			set_page_private(page, GZVM_PAGE_LOST);
	}
	mutex_unlock(&gmem->lock);
}

/**
 * gzvm_gmem_lost() - how many pages from a place on have lost their mapping
 * @gmem: their memory
 * @index: place of the first
 * @nr: host pages to look at
 *
 * Context: process context, may sleep; mmap_lock may be held.
 */
unsigned int gzvm_gmem_lost(struct gzvm_gmem *gmem, unsigned long index,
			    unsigned int nr)
{
	struct page *page;
	unsigned int i;

	mutex_lock(&gmem->lock);
	for (i = 0; i < nr; i++) {
		page = xa_load(&gmem->pages, index + i);
		if (!page || page_private(page) != GZVM_PAGE_LOST)
			break;
	}
	mutex_unlock(&gmem->lock);
	return i;
}

/* The file that a VMM's mapping belongs to */

static vm_fault_t gzvm_gmem_fault(struct vm_fault *vmf)
{
	struct gzvm_gmem *gmem = vmf->vma->vm_private_data;
	struct page *page;
	vm_fault_t ret;

	mutex_lock(&gmem->lock);
	if (gzvm_gmem_fill(gmem, vmf->pgoff, 1)) {
		/* The kernel would look for a victim if this were VM_FAULT_OOM. */
		ret = VM_FAULT_SIGBUS;
	} else {
		page = xa_load(&gmem->pages, vmf->pgoff);
		ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(page));
	}
	mutex_unlock(&gmem->lock);
	return ret;
}

static const struct vm_operations_struct gzvm_gmem_vm_ops = {
	.fault = gzvm_gmem_fault,
};

static int gzvm_gmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long nr = i_size_read(file_inode(file)) >> PAGE_SHIFT;

	/* remap_file_pages() comes here as well, with any offset. */
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff > nr ||
	    vma_pages(vma) > nr - vma->vm_pgoff)
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP |
			  VM_DONTCOPY);
	vma->vm_private_data = file_inode(file)->i_private;
	vma->vm_ops = &gzvm_gmem_vm_ops;
	return 0;
}

static int gzvm_gmem_punch(struct gzvm_gmem *gmem, unsigned long index,
			   unsigned long nr)
{
	unsigned long i, end = index + nr - 1;
	struct page *page;
	int ret = 0;

	mutex_lock(&gmem->lock);
	xa_for_each_range(&gmem->pages, i, page, index, end) {
		cond_resched();
		if (gzvm_gmem_is_given(page))
			ret = -EBUSY;
	}
	if (!ret) {
		gzvm_gmem_unmap(gmem, index, nr);
		gzvm_gmem_free_locked(gmem, index, nr, false);
	}
	mutex_unlock(&gmem->lock);
	return ret;
}

/**
 * gzvm_gmem_fallocate() - punch a hole into guest memory
 * @file: file with the memory
 * @mode: FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
 * @offset: place of the hole
 * @len: its length
 *
 * Return: 0; -EOPNOTSUPP for another mode; -EINVAL unless it consists of host pages;
 * -EBUSY if EL2 may have one of these.
 */
long gzvm_gmem_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!PAGE_ALIGNED(offset) || !PAGE_ALIGNED(len))
		return -EINVAL;
	return gzvm_gmem_punch(file_inode(file)->i_private, offset >> PAGE_SHIFT,
			       len >> PAGE_SHIFT);
}

static int gzvm_gmem_release(struct inode *inode, struct file *file)
{
	gzvm_gmem_put(inode->i_private);
	return 0;
}

static const struct file_operations gzvm_gmem_map_fops = {
	.owner = THIS_MODULE,
	.mmap = gzvm_gmem_mmap,
	.fallocate = gzvm_gmem_fallocate,
	.release = gzvm_gmem_release,
};

/**
 * gzvm_gmem_is_behind() - whether a mapping shows this memory
 * @gmem: the memory
 * @vma: the mapping
 */
bool gzvm_gmem_is_behind(const struct gzvm_gmem *gmem,
			 const struct vm_area_struct *vma)
{
	return vma->vm_ops == &gzvm_gmem_vm_ops && vma->vm_private_data == gmem;
}

/**
 * gzvm_gmem_is_empty() - whether there are no pages
 * @gmem: the memory
 *
 * Context: any. Nobody makes pages meanwhile, or it does not matter.
 */
bool gzvm_gmem_is_empty(const struct gzvm_gmem *gmem)
{
	return xa_empty(&gmem->pages);
}

/**
 * gzvm_gmem_file() - a file with guest memory
 * @gmem: the memory
 * @fops: what can be done with it; release() drops a reference to the memory
 *
 * Return: the file, which the caller must put, or an error pointer.
 */
struct file *gzvm_gmem_file(struct gzvm_gmem *gmem,
			    const struct file_operations *fops)
{
	struct file *file;

	/* The last fput() drops this reference to the module. */
	__module_get(THIS_MODULE);
	ihold(gmem->inode);
	file = alloc_file_pseudo(gmem->inode, gzvm_gmem_mnt, "[gzvm]",
				 O_RDWR | O_LARGEFILE, fops);
	if (IS_ERR(file)) {
		iput(gmem->inode);
		module_put(THIS_MODULE);
		return file;
	}
	refcount_inc(&gmem->users);
	return file;
}

/**
 * gzvm_gmem_map_file() - a file that the driver maps for the VMM
 * @gmem: the memory
 *
 * Return: the file, which the caller must put, or an error pointer.
 */
struct file *gzvm_gmem_map_file(struct gzvm_gmem *gmem)
{
	return gzvm_gmem_file(gmem, &gzvm_gmem_map_fops);
}

/**
 * gzvm_gmem_make() - make pages that do not exist, filled with zeroes
 * @gmem: their memory
 * @index: place of the first
 * @nr: host pages
 *
 * Context: process context, may sleep.
 * Return: 0, or -ENOMEM: no memory, or RLIMIT_MEMLOCK reached.
 */
int gzvm_gmem_make(struct gzvm_gmem *gmem, unsigned long index, unsigned int nr)
{
	int ret;

	mutex_lock(&gmem->lock);
	ret = gzvm_gmem_fill(gmem, index, nr);
	mutex_unlock(&gmem->lock);
	return ret;
}

/**
 * gzvm_gmem_copy() - copy pages of the VMM into new pages
 * @gmem: memory of the new pages
 * @index: place of the first
 * @from: pages of the VMM; each loses a reference
 * @nr: host pages
 *
 * The VMM may punch a hole there meanwhile by another mapping of this memory. Memory tags
 * are not copied: copy_highpage() does so for the whole of a huge page.
 *
 * Context: process context, may sleep.
 */
void gzvm_gmem_copy(struct gzvm_gmem *gmem, unsigned long index,
		    struct page **from, unsigned int nr)
{
	struct page *to;
	unsigned int i;

	mutex_lock(&gmem->lock);
	for (i = 0; i < nr; i++) {
		to = xa_load(&gmem->pages, index + i);
		if (to && from[i] != ZERO_PAGE(0))
			memcpy(page_address(to), page_address(from[i]), PAGE_SIZE);
	}
	mutex_unlock(&gmem->lock);
	for (i = 0; i < nr; i++)
		folio_put(page_folio(from[i]));
}

/* Life */

static int gzvm_gmem_init_fs(struct fs_context *fc)
{
	return init_pseudo(fc, GZVM_FS_MAGIC) ? 0 : -ENOMEM;
}

/* A mount holds the module until its last file is gone. */
static struct file_system_type gzvm_gmem_fs = {
	.owner = THIS_MODULE,
	.name = "gzvm",
	.init_fs_context = gzvm_gmem_init_fs,
	.kill_sb = kill_anon_super,
};

static int gzvm_gmem_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
			     struct iattr *attr)
{
	return -EINVAL;
}

static const struct inode_operations gzvm_gmem_iops = {
	.setattr = gzvm_gmem_setattr,
};

static struct inode *gzvm_gmem_inode(u64 size)
{
	struct inode *inode;
	int ret;

	ret = simple_pin_fs(&gzvm_gmem_fs, &gzvm_gmem_mnt, &gzvm_gmem_mnt_users);
	if (ret)
		return ERR_PTR(ret);
	inode = alloc_anon_inode(gzvm_gmem_mnt->mnt_sb);
	if (IS_ERR(inode)) {
		simple_release_fs(&gzvm_gmem_mnt, &gzvm_gmem_mnt_users);
		return inode;
	}
	/* fallocate() wants a regular file. */
	inode->i_mode |= S_IFREG;
	inode->i_op = &gzvm_gmem_iops;
	i_size_write(inode, size);
	return inode;
}

/**
 * gzvm_gmem_create() - make guest memory without pages
 * @mm: address space that its pages are accounted to
 * @size: bytes
 *
 * Return: the memory, with a reference that the caller owns; or -ENOMEM.
 */
struct gzvm_gmem *gzvm_gmem_create(struct mm_struct *mm, u64 size)
{
	struct gzvm_gmem *gmem;

	gmem = kzalloc_obj(*gmem, GFP_KERNEL_ACCOUNT);
	if (!gmem)
		return ERR_PTR(-ENOMEM);
	gmem->inode = gzvm_gmem_inode(size);
	if (IS_ERR(gmem->inode)) {
		struct inode *inode = gmem->inode;

		kfree(gmem);
		return ERR_CAST(inode);
	}
	gmem->inode->i_private = gmem;
	refcount_set(&gmem->users, 1);
	mutex_init(&gmem->lock);
	xa_init_flags(&gmem->pages, XA_FLAGS_ACCOUNT);
	mmgrab(mm);
	gmem->mm = mm;
	return gmem;
}

/**
 * gzvm_gmem_put() - drop a reference
 * @gmem: the memory, or NULL
 *
 * The last reference is dropped when there is no slot any more, and no file, hence no
 * mapping either.
 *
 * Context: process context, may sleep.
 */
void gzvm_gmem_put(struct gzvm_gmem *gmem)
{
	if (!gmem || !refcount_dec_and_test(&gmem->users))
		return;
	mutex_lock(&gmem->lock);
	gzvm_gmem_free_locked(gmem, 0, ULONG_MAX, false);
	mutex_unlock(&gmem->lock);
	xa_destroy(&gmem->pages);
	mutex_destroy(&gmem->lock);
	mmdrop(gmem->mm);
	iput(gmem->inode);
	simple_release_fs(&gzvm_gmem_mnt, &gzvm_gmem_mnt_users);
	kfree(gmem);
}

/* The file that a VMM makes */

static void gzvm_gmem_write(struct gzvm_gmem *gmem, unsigned long index,
			    unsigned int offset, const void *from, unsigned int len,
			    int *err)
{
	struct page *page;

	mutex_lock(&gmem->lock);
	*err = gzvm_gmem_fill(gmem, index, 1);
	if (!*err) {
		page = xa_load(&gmem->pages, index);
		if (gzvm_gmem_is_given(page))
			*err = -EPERM;
		else
			memcpy(page_address(page) + offset, from, len);
	}
	mutex_unlock(&gmem->lock);
}

/**
 * gzvm_gmem_write_iter() - write to guest memory
 * @iocb: file with the memory, and where
 * @iter: data
 *
 * Return: bytes written, fewer than asked for at an error; or, if there are none:
 * -EPERM: EL2 may have the page; -ENOSPC: behind the end; -EFAULT; -EINTR when killed;
 * -ENOMEM: no memory, or RLIMIT_MEMLOCK reached.
 */
ssize_t gzvm_gmem_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	loff_t pos = iocb->ki_pos, size = i_size_read(inode);
	unsigned int offset, len;
	int ret = 0;
	void *buf;

	/* No access to user memory with a lock that a fault takes held */
	buf = (void *)get_zeroed_page(GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	while (iov_iter_count(iter) && pos < size && !ret) {
		offset = offset_in_page(pos);
		len = min3(iov_iter_count(iter), PAGE_SIZE - offset,
			   (size_t)(size - pos));
		len = copy_from_iter(buf, len, iter);
		if (len)
			gzvm_gmem_write(inode->i_private, pos >> PAGE_SHIFT,
					offset, buf, len, &ret);
		else
			ret = -EFAULT;
		if (!ret)
			pos += len;
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	free_page((unsigned long)buf);
	if (pos == iocb->ki_pos)
		return ret ?: iov_iter_count(iter) ? -ENOSPC : 0;
	ret = pos - iocb->ki_pos;
	iocb->ki_pos = pos;
	return ret;
}

/**
 * gzvm_gmem_of_fd() - the memory behind a file descriptor
 * @vm: VM of the caller
 * @fd: from GZVM_CREATE_GUEST_MEMFD
 * @offset: place of a range in it
 * @size: length of the range
 *
 * Return: the memory, with a reference; -EBADF; or -EINVAL for another file, for that
 * of another VM, or for a range that is not in it.
 */
struct gzvm_gmem *gzvm_gmem_of_fd(struct gzvm_vm *vm, int fd, u64 offset, u64 size)
{
	struct file *file = fget(fd);
	struct gzvm_gmem *gmem = ERR_PTR(-EINVAL);
	u64 end;

	if (!file)
		return ERR_PTR(-EBADF);
	/* Files that are mapped for the VMM have no VM. */
	if (file_inode(file)->i_op == &gzvm_gmem_iops && file->private_data == vm &&
	    !check_add_overflow(offset, size, &end) &&
	    end <= i_size_read(file_inode(file))) {
		gmem = file_inode(file)->i_private;
		refcount_inc(&gmem->users);
	}
	fput(file);
	return gmem;
}
