/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERIAL_H
#define SERIAL_H

/*
 * The flash's serial number, 64 bits that its maker chose, as 16 hexadecimal
 * digits and NUL. A flash without one says FFFFFFFFFFFFFFFF.
 */
void serial_read(char *serial);

#endif
