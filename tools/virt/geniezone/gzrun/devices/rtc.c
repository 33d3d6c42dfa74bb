// SPDX-License-Identifier: GPL-2.0
/*
 * A PL031 real time clock (Arm DDI 0224B). The guest reads and sets the time, and an
 * alarm: the interrupt is raised when the time becomes equal to RTCMR.
 */

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "devices/rtc.h"
#include "layout.h"

#define RTC_DR		0x00
#define RTC_MR		0x04
#define RTC_LR		0x08
#define RTC_CR		0x0c
#define RTC_IMSC	0x10
#define RTC_RIS		0x14
#define RTC_MIS		0x18
#define RTC_ICR		0x1c
#define RTC_ID		0xfe0

static const uint8_t id_regs[] = {
	0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1,
};

static struct gz_rtc *to_rtc(const struct gz_device *dev)
{
	return (struct gz_rtc *)((char *)dev - offsetof(struct gz_rtc, dev));
}

static uint32_t now(const struct gz_rtc *rtc)
{
	return (uint32_t)time(NULL) + rtc->offset;
}

static void update_irq(struct gz_rtc *rtc)
{
	gz_irq_set(&rtc->irq, rtc->raised && rtc->enabled);
}

/*
 * Expires when the alarm is due. A time that has passed is due after the 32 bits have
 * wrapped, which no guest waits for.
 */
static void set_timer(const struct gz_rtc *rtc)
{
	int32_t left = rtc->match - now(rtc);
	struct itimerspec spec = { 0 };

	if (left >= 0)
		spec.it_value.tv_sec = time(NULL) + left;
	timerfd_settime(rtc->alarm_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static uint32_t read_reg(const struct gz_rtc *rtc, uint64_t offset)
{
	switch (offset) {
	case RTC_DR:
		return now(rtc);
	case RTC_MR:
		return rtc->match;
	case RTC_LR:
		return rtc->loaded;
	case RTC_CR:
		/* The clock always runs */
		return 1;
	case RTC_IMSC:
		return rtc->enabled;
	case RTC_RIS:
		return rtc->raised;
	case RTC_MIS:
		return rtc->raised && rtc->enabled;
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

static void write_reg(struct gz_rtc *rtc, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case RTC_MR:
		rtc->match = value;
		set_timer(rtc);
		break;
	case RTC_LR:
		rtc->loaded = value;
		rtc->offset = value - (uint32_t)time(NULL);
		set_timer(rtc);
		break;
	case RTC_IMSC:
		rtc->enabled = value & 1;
		break;
	case RTC_ICR:
		if (value & 1)
			rtc->raised = false;
		break;
	}
}

static void rtc_write(struct gz_device *dev, uint64_t offset,
		      unsigned int size, uint64_t value)
{
	struct gz_rtc *rtc = to_rtc(dev);

	(void)size;
	pthread_mutex_lock(&rtc->lock);
	write_reg(rtc, offset, value);
	update_irq(rtc);
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
	gz_fdt_cells(fdt, "interrupts", GZ_FDT_IRQ_SPI, GZ_RTC_SPI, GZ_FDT_IRQ_LEVEL);
	gz_fdt_cells(fdt, "clocks", GZ_FDT_PHANDLE_CLOCK);
	gz_fdt_string(fdt, "clock-names", "apb_pclk");
	gz_fdt_empty(fdt, "wakeup-source");
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
 *
 * Return: 0 or -errno; call gz_rtc_destroy() in both cases.
 */
int gz_rtc_init(struct gz_rtc *rtc)
{
	int ret;

	memset(rtc, 0, sizeof(*rtc));
	pthread_mutex_init(&rtc->lock, NULL);
	rtc->dev.ops = &rtc_ops;
	rtc->dev.name = "rtc";
	rtc->dev.base = GZ_RTC_BASE;
	rtc->dev.size = GZ_RTC_SIZE;
	rtc->alarm_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	ret = rtc->alarm_fd < 0 ? -errno : 0;
	return gz_irq_init(&rtc->irq, GZ_RTC_SPI) ?: ret;
}

/**
 * gz_rtc_destroy() - release a clock
 * @rtc: from gz_rtc_init(); the VM does not run any more
 */
void gz_rtc_destroy(struct gz_rtc *rtc)
{
	gz_irq_fini(&rtc->irq);
	if (rtc->alarm_fd >= 0)
		close(rtc->alarm_fd);
	pthread_mutex_destroy(&rtc->lock);
}

/**
 * gz_rtc_alarm() - handle the expiry of the host's timer
 * @rtc: the clock, whose alarm_fd is readable
 *
 * If the guest has set another alarm meanwhile, there is nothing to read.
 */
void gz_rtc_alarm(struct gz_rtc *rtc)
{
	uint64_t count;

	pthread_mutex_lock(&rtc->lock);
	if (read(rtc->alarm_fd, &count, sizeof(count)) == sizeof(count))
		rtc->raised = true;
	update_irq(rtc);
	pthread_mutex_unlock(&rtc->lock);
}
