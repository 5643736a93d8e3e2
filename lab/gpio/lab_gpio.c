// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GPIO chip of eight lines that are numbers in memory, for tests of the front panel: Debian's kernels have neither gpio-sim nor
 * gpio-mockup. /sys/module/lab_gpio/parameters/level has the levels: of outputs as they were set, of inputs as they are read.
 */
#include <linux/gpio/driver.h>
#include <linux/module.h>

#define LINES 8

static int level[LINES];
module_param_array(level, int, NULL, 0644);
MODULE_PARM_DESC(level, "levels of the lines, separated by commas");

static int lab_gpio_get(struct gpio_chip *chip, unsigned int line)
{
	return READ_ONCE(level[line]) != 0;
}

static void lab_gpio_set(struct gpio_chip *chip, unsigned int line, int value)
{
	WRITE_ONCE(level[line], value != 0);
}

static int lab_gpio_input(struct gpio_chip *chip, unsigned int line)
{
	return 0;
}

static int lab_gpio_output(struct gpio_chip *chip, unsigned int line, int value)
{
	lab_gpio_set(chip, line, value);
	return 0;
}

static struct gpio_chip lab_gpio = {
	.label = "lab-panel",
	.owner = THIS_MODULE,
	.get = lab_gpio_get,
	.set = lab_gpio_set,
	.direction_input = lab_gpio_input,
	.direction_output = lab_gpio_output,
	.base = -1,
	.ngpio = LINES,
};

static int __init lab_gpio_init(void)
{
	return gpiochip_add_data(&lab_gpio, NULL);
}
module_init(lab_gpio_init);

static void __exit lab_gpio_exit(void)
{
	gpiochip_remove(&lab_gpio);
}
module_exit(lab_gpio_exit);

MODULE_DESCRIPTION("GPIO chip in memory, for scsigate's tests");
MODULE_LICENSE("GPL");
