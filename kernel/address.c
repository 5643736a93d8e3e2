// SPDX-License-Identifier: GPL-2.0-only
/*
 * The station addresses that segments have by themselves: the same after each
 * reload and each boot, so that what a gateway says of a station stays true
 *
 * docs/protocol.md section 1: made from what the machine is and which of its
 * ports it is, by the same hash as the address of a base station. Where the
 * machine does not say who it is, the address is random.
 */
#include <linux/ctype.h>
#include <linux/dmi.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/of.h>
#include <net/net_namespace.h>

#include "ipscsi.h"

static char *machine;
module_param(machine, charp, 0444);
MODULE_PARM_DESC(machine,
		 "who this machine is, for station addresses that stay: any text (default: UUID of its DMI, or serial number of its device tree)");

/* A target that refuses everything is not an address in use */
#define ADDR_TRIES	8

/* Segments of all namespaces; RTNL */
static LIST_HEAD(segments);

/* Boards are sold with these that were never given one of their own */
static const char * const nobodys[] = {
	"03000200-0400-0500-0006-000700080009",
	"00020003-0004-0005-0006-000700080009",
	"03020100-0504-0706-0809-0a0b0c0d0e0f",
	"12345678-1234-5678-90ab-cddeefaabbcc",
};

/* Return: false where others may have it too: all zeros, all ones, samples */
static bool names_one(const char *id)
{
	const char *p, *first = NULL;
	bool differs = false;
	int i;

	for (p = id; *p; p++) {
		if (!isalnum(*p))
			continue;
		if (!first)
			first = p;
		differs |= *p != *first;
	}
	for (i = 0; i < ARRAY_SIZE(nobodys); i++)
		differs &= !!strcasecmp(id, nobodys[i]);
	return differs;
}

static const char *machine_id(void)
{
	const char *id = machine;
	struct device_node *root;
	int err;

	if (id && *id)
		return id;
	id = dmi_get_system_info(DMI_PRODUCT_UUID);
	if (id && names_one(id))
		return id;
	root = of_find_node_by_path("/");
	err = of_property_read_string(root, "serial-number", &id);
	of_node_put(root);	/* it never goes */
	return err || !names_one(id) ? NULL : id;
}

static bool taken(const struct ipscsi_seg *seg, const u8 *addr)
{
	struct ipscsi_seg *other;

	list_for_each_entry(other, &segments, node)
		if (other != seg && ether_addr_equal(other->dev->dev_addr, addr))
			return true;
	return false;
}

/* The first of the port's addresses from seg->addr_number that is free here */
static bool next_free(struct ipscsi_seg *seg, u8 *addr)
{
	const char *id = machine_id();
	char name[256];

	if (!id)
		return false;
	for (;; seg->addr_number++) {
		snprintf(name, sizeof(name), "%s,%u,%s",
			 *seg->port ? seg->port : seg->dev->name,
			 seg->addr_number, id);
		ipscsi_addr_from_port(name, addr);
		if (!taken(seg, addr))
			return true;
	}
}

/**
 * ipscsi_addr_add - a segment is being made: give it its address
 * @seg: the segment
 *
 * Leaves one that was asked for. A segment that somebody made by hand goes by
 * its name; names of other network namespaces tell nothing.
 *
 * Context: process, RTNL held.
 */
void ipscsi_addr_add(struct ipscsi_seg *seg)
{
	struct net_device *dev = seg->dev;
	u8 addr[ETH_ALEN];

	ASSERT_RTNL();
	if (dev->addr_assign_type == NET_ADDR_RANDOM &&
	    (*seg->port || net_eq(dev_net(dev), &init_net)) &&
	    next_free(seg, addr)) {
		eth_hw_addr_set(dev, addr);
		dev->addr_assign_type = NET_ADDR_PERM;
	}
	list_add_tail(&seg->node, &segments);
}

/**
 * ipscsi_addr_remove - a segment goes
 * @seg: the segment
 *
 * Context: process, RTNL held.
 */
void ipscsi_addr_remove(struct ipscsi_seg *seg)
{
	ASSERT_RTNL();
	list_del(&seg->node);
}

/**
 * ipscsi_addr_collided - another station has our address: take the next one
 * @seg: the segment
 *
 * Not where somebody set the address, nor where stations know it by now.
 *
 * Context: process, RTNL held; may sleep.
 * Return: whether it has another one.
 */
bool ipscsi_addr_collided(struct ipscsi_seg *seg)
{
	struct net_device *dev = seg->dev;
	struct sockaddr sa = { .sa_family = dev->type };
	u8 before[ETH_ALEN];

	ASSERT_RTNL();
	if (dev->addr_assign_type != NET_ADDR_PERM ||
	    seg->addr_number >= ADDR_TRIES)
		return false;
	ether_addr_copy(before, dev->dev_addr);
	seg->addr_number++;
	if (!next_free(seg, sa.sa_data) ||
	    dev->netdev_ops->ndo_set_mac_address(dev, &sa))
		return false;
	call_netdevice_notifiers(NETDEV_CHANGEADDR, dev);
	netdev_warn(dev,
		    "another station has the address %pM: ours is %pM now; to keep it, load one of the two with its own machine=\n",
		    before, dev->dev_addr);
	return true;
}
