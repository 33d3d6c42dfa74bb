/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's physical address space.
 *
 *   0x00000000  +---------------------------+
 *               | nothing                   |
 *   0x0f800000  +---------------------------+
 *               | 8250 serial port          |  SPI 0
 *   0x0f801000  +---------------------------+
 *               | PL031 clock               |  SPI 2
 *   0x0f802000  +---------------------------+
 *               | PL061 pins, power button  |  SPI 1
 *   0x0f803000  +---------------------------+
 *               | pvpanic                   |
 *   0x0f803002  +---------------------------+
 *               | nothing                   |
 *   0x0f810000  +---------------------------+
 *               | 20 virtio-mmio windows    |  SPI 16 + n, 0x200 bytes each,
 *               |                           |  one window a page
 *   0x0f824000  +---------------------------+
 *               | nothing                   |
 *   0x3fef0000  +---------------------------+
 *               | GIC redistributors, the   |  0x20000 per vCPU, ends at the
 *               | last is the highest vCPU  |  distributor
 *   0x3fff0000  +---------------------------+
 *               | GIC distributor           |
 *   0x40000000  +---------------------------+
 *               | nothing                   |
 *   0x7fc00000  +---------------------------+
 *               | firmware of a protected   |
 *               | VM, if it has any         |
 *   0x80000000  +---------------------------+
 *               | RAM: kernel, device tree, |
 *               | initrd from the bottom up |
 *               +---------------------------+
 *               | pool for devices, if any, |
 *               | at the end of RAM         |
 *               +---------------------------+
 */
#ifndef GZRUN_LAYOUT_H
#define GZRUN_LAYOUT_H

#define GZ_MAX_VCPUS		8

#define GZ_SERIAL_BASE		0x0f800000ULL
#define GZ_SERIAL_SIZE		0x1000ULL
#define GZ_SERIAL_SPI		0

#define GZ_RTC_BASE		0x0f801000ULL
#define GZ_RTC_SIZE		0x1000ULL
#define GZ_RTC_SPI		2

#define GZ_GPIO_BASE		0x0f802000ULL
#define GZ_GPIO_SIZE		0x1000ULL
#define GZ_GPIO_SPI		1

#define GZ_PVPANIC_BASE		0x0f803000ULL
#define GZ_PVPANIC_SIZE		2ULL

#define GZ_VIRTIO_BASE		0x0f810000ULL
#define GZ_VIRTIO_STRIDE	0x1000ULL
#define GZ_VIRTIO_SPI		16

#define GZ_GICD_BASE		0x3fff0000ULL

#define GZ_PVMFW_BASE		0x7fc00000ULL
#define GZ_PVMFW_SIZE		0x400000ULL

#define GZ_RAM_BASE		0x80000000ULL

/* The kernel maps this much for the device tree; the boot protocol allows no more */
#define GZ_FDT_SIZE		0x200000ULL

/* PPI numbers in the device tree: INTID - 16 */
#define GZ_PPI_TIMER_SEC	13
#define GZ_PPI_TIMER_PHYS	14
#define GZ_PPI_TIMER_VIRT	11
#define GZ_PPI_TIMER_HYP	10

#endif /* GZRUN_LAYOUT_H */
