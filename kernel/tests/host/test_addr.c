// SPDX-License-Identifier: GPL-2.0-only
/* Synthesised station addresses: docs/protocol.md section 4 */
#include "test.h"

TEST(addr_shape, "a synthesised address is unicast and locally administered")
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		size_t len = random_below(100);
		char *port = (char *)exact(NULL, len + 1);
		u8 *addr = exact(NULL, 6);
		size_t k;

		random_fill((u8 *)port, len);
		for (k = 0; k < len; k++)
			port[k] |= 1;	/* no NUL within */
		ipscsi_addr_from_port(port, addr);
		CHECK_EQ(addr[0] & 3, 2);
		free(port);
		free(addr);
	}
}

TEST(addr_stable, "the same port name gives the same address, another name another")
{
	u8 a[6], b[6], c[6];

	ipscsi_addr_from_port("iqn.1993-08.org.debian:01:a", a);
	ipscsi_addr_from_port("iqn.1993-08.org.debian:01:a", b);
	ipscsi_addr_from_port("iqn.1993-08.org.debian:01:b", c);
	CHECK(!memcmp(a, b, 6));
	CHECK(memcmp(a, c, 6));
}

TEST(addr_spread, "a thousand similar names give a thousand addresses")
{
	static u8 addr[1000][6];
	int i, k;

	for (i = 0; i < 1000; i++) {
		char port[32];

		snprintf(port, sizeof(port), "naa.60014050%08x", i);
		ipscsi_addr_from_port(port, addr[i]);
		for (k = 0; k < i; k++)
			CHECK(memcmp(addr[i], addr[k], 6));
	}
}
