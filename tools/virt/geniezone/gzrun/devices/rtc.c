// SPDX-License-Identifier: GPL-2.0
/*
 * A PL031 real time clock. The guest reads and sets the time. There is no
 * alarm, so the device tree gives the clock no interrupt.
 */

#include <string.h>
#include <time.h>

#include "devices/rtc.h"
#include "layout.h"

#define RTC_DR		0x00
#define RTC_LR		0x08
#define RTC_CR		0x0c
#define RTC_ID		0xfe0

static const uint8_t id_regs[] = {
	0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1,
};

static struct gz_rtc *to_rtc(const struct gz_device *dev)
{
	return (struct gz_rtc *)((char *)dev - offsetof(struct gz_rtc, dev));
}

static uint32_t read_reg(const struct gz_rtc *rtc, uint64_t offset)
{
	switch (offset) {
	case RTC_DR:
		return (uint32_t)time(NULL) + rtc->offset;
	case RTC_LR:
		return rtc->loaded;
	case RTC_CR:
		/* The clock always runs */
		return 1;
	}
	if (offset >= RTC_ID && !(offset & 3))
		return id_regs[(offset - RTC_ID) / 4 % sizeof(id_regs)];
	return 0;
}

static uint64_t rtc_read(struct gz_device *dev, uint64_t offset,
			 unsigned int size)
{
	struct gz_rtc *rtc = to_rtc(dev);
	uint32_t value;

	(void)size;
	pthread_mutex_lock(&rtc->lock);
	value = read_reg(rtc, offset);
	pthread_mutex_unlock(&rtc->lock);
	return value;
}

static void rtc_write(struct gz_device *dev, uint64_t offset,
		      unsigned int size, uint64_t value)
{
	struct gz_rtc *rtc = to_rtc(dev);

	(void)size;
	if (offset != RTC_LR)
		return;
	pthread_mutex_lock(&rtc->lock);
	rtc->loaded = value;
	rtc->offset = (uint32_t)value - (uint32_t)time(NULL);
	pthread_mutex_unlock(&rtc->lock);
}

static void rtc_fdt(const struct gz_device *dev, struct gz_fdt *fdt)
{
	static const char compatible[] = "arm,pl031\0arm,primecell";

	gz_fdt_begin(fdt, "apb-pclk");
	gz_fdt_string(fdt, "compatible", "fixed-clock");
	gz_fdt_cells(fdt, "#clock-cells", 0);
	gz_fdt_cells(fdt, "clock-frequency", 24000000);
	gz_fdt_cells(fdt, "phandle", GZ_FDT_PHANDLE_CLOCK);
	gz_fdt_end(fdt);

	gz_fdt_begin(fdt, "rtc@%llx", (unsigned long long)dev->base);
	gz_fdt_blob(fdt, "compatible", compatible, sizeof(compatible));
	gz_fdt_reg(fdt, dev->base, dev->size);
	gz_fdt_cells(fdt, "clocks", GZ_FDT_PHANDLE_CLOCK);
	gz_fdt_string(fdt, "clock-names", "apb_pclk");
	gz_fdt_end(fdt);
}

static const struct gz_device_ops rtc_ops = {
	.read = rtc_read,
	.write = rtc_write,
	.fdt = rtc_fdt,
};

/**
 * gz_rtc_init() - set up a clock
 * @rtc: filled in
 */
void gz_rtc_init(struct gz_rtc *rtc)
{
	memset(rtc, 0, sizeof(*rtc));
	pthread_mutex_init(&rtc->lock, NULL);
	rtc->dev.ops = &rtc_ops;
	rtc->dev.name = "rtc";
	rtc->dev.base = GZ_RTC_BASE;
	rtc->dev.size = GZ_RTC_SIZE;
}
