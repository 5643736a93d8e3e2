// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP over SCSI, RFC 2143 and docs/protocol.md
 *
 * ipscsi.ko: the net device of a segment, its peers, and the initiator side.
 * `ip link add seg0 type ipscsi` makes a segment; a communications device
 * (type 09h) with a station page makes one by itself. The target side is in
 * ipscsi_target.ko.
 */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>

#include "ipscsi.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(ipscsi_held);
EXPORT_TRACEPOINT_SYMBOL_GPL(ipscsi_answer);

struct workqueue_struct *ipscsi_wq;
struct workqueue_struct *ipscsi_io_wq;	/* the devices' workers */

struct ipscsi_instance ipscsi_instance __ro_after_init;
EXPORT_SYMBOL_GPL(ipscsi_instance);

/* LUNs that export a segment or wait for one; RTNL */
static LIST_HEAD(ipscsi_ports);

static unsigned int ipscsi_num_queues(void)
{
	return IPSCSI_TXQ_COUNT;
}

struct rtnl_link_ops ipscsi_link_ops __read_mostly = {
	.kind = "ipscsi",
	.priv_size = sizeof(struct ipscsi_seg),
	.setup = ipscsi_net_setup,
	.get_num_tx_queues = ipscsi_num_queues,
};

/**
 * ipscsi_seg_create_auto - make a segment named seg<N>
 * @port: name of the adapter's port, for an address that stays; or NULL
 *
 * Context: process, RTNL held.
 * Return: the segment, or NULL.
 */
struct ipscsi_seg *ipscsi_seg_create_auto(const char *port)
{
	struct net_device *dev;
	struct ipscsi_seg *seg;
	int err;

	dev = alloc_netdev_mqs(sizeof(struct ipscsi_seg), "seg%d",
			       NET_NAME_ENUM, ipscsi_net_setup,
			       IPSCSI_TXQ_COUNT, 1);
	if (!dev)
		return NULL;
	dev->rtnl_link_ops = &ipscsi_link_ops;
	seg = netdev_priv(dev);
	if (port)
		strscpy(seg->port, port, sizeof(seg->port));
	err = register_netdevice(dev);
	if (err) {
		free_netdev(dev);
		return NULL;
	}
	return seg;
}

/**
 * ipscsi_self_describe - what this station tells of itself
 * @seg: the segment
 * @desc: result
 * @safe: what goes to that peer never leaves the machine: checksums may be
 *	left out
 *
 * Context: any.
 */
void ipscsi_self_describe(struct ipscsi_seg *seg, struct ipscsi_desc *desc,
			  bool safe)
{
	memset(desc, 0, sizeof(*desc));
	desc->version = IPSCSI_VERSION;
	desc->features = READ_ONCE(seg->features);
	if (!safe)
		desc->features &= ~IPSCSI_F_OFFLOAD;
	if (READ_ONCE(seg->relay))
		desc->features |= IPSCSI_F_RELAY;
	ether_addr_copy(desc->addr, seg->dev->dev_addr);
	desc->base_max = IPSCSI_MESSAGE_MAX;
	desc->cont_max = IPSCSI_CONT_LONG;
	desc->gets = READ_ONCE(seg->gets);
	strscpy(desc->name, init_utsname()->nodename, sizeof(desc->name));
}
EXPORT_SYMBOL_GPL(ipscsi_self_describe);

static void port_attach(struct ipscsi_port *port, struct ipscsi_seg *seg)
{
	port->seg = seg;
	port->attach(port, seg);
}

/**
 * ipscsi_port_register - a LUN wants a segment
 * @port: the LUN's interest, with the segment's name filled in
 *
 * The segment need not exist: the LUN gets it when it appears, and again when
 * it goes and comes back.
 *
 * Context: process; takes RTNL.
 * Return: 0, or -EINVAL: an interface has that name and is no segment.
 */
int ipscsi_port_register(struct ipscsi_port *port)
{
	struct net_device *dev;
	int err = 0;

	rtnl_lock();
	port->seg = NULL;
	dev = __dev_get_by_name(&init_net, port->ifname);
	if (dev && dev->rtnl_link_ops != &ipscsi_link_ops) {
		err = -EINVAL;
	} else {
		list_add_tail(&port->list, &ipscsi_ports);
		if (dev)
			port_attach(port, netdev_priv(dev));
	}
	rtnl_unlock();
	return err;
}
EXPORT_SYMBOL_GPL(ipscsi_port_register);

/**
 * ipscsi_port_unregister - a LUN goes
 * @port: what was registered
 *
 * Context: process; takes RTNL. After the return nothing of it is called.
 */
void ipscsi_port_unregister(struct ipscsi_port *port)
{
	rtnl_lock();
	list_del(&port->list);
	if (port->seg)
		port->detach(port);
	port->seg = NULL;
	rtnl_unlock();
	synchronize_net();
}
EXPORT_SYMBOL_GPL(ipscsi_port_unregister);

static void ports_attach(struct ipscsi_seg *seg)
{
	struct ipscsi_port *port;

	list_for_each_entry(port, &ipscsi_ports, list)
		if (!port->seg && !strcmp(port->ifname, seg->dev->name))
			port_attach(port, seg);
}

/**
 * ipscsi_ports_detach - a segment goes: tell the LUNs
 * @seg: the segment
 *
 * Context: process, RTNL held.
 */
void ipscsi_ports_detach(struct ipscsi_seg *seg)
{
	struct ipscsi_port *port;

	list_for_each_entry(port, &ipscsi_ports, list) {
		if (port->seg == seg) {
			port->detach(port);
			port->seg = NULL;
		}
	}
}

/* Both `ip link add` and an automatic segment pass by here */
static int ipscsi_netdev_event(struct notifier_block *nb, unsigned long event,
			       void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct ipscsi_seg *seg;

	if (dev->rtnl_link_ops != &ipscsi_link_ops)
		return NOTIFY_DONE;
	seg = netdev_priv(dev);
	/* it also comes after a move to another namespace */
	if (event == NETDEV_REGISTER && !seg->kobj && ipscsi_sysfs_add(seg))
		netdev_warn(dev, "cannot be shown in sysfs\n");
	if (event == NETDEV_CHANGEUPPER) {
		struct netdev_notifier_changeupper_info *info = ptr;

		if (netif_is_bridge_master(info->upper_dev))
			ipscsi_seg_bridged(seg, info->linking);
	}
	if ((event == NETDEV_REGISTER || event == NETDEV_CHANGENAME) &&
	    net_eq(dev_net(dev), &init_net))
		ports_attach(seg);
	return NOTIFY_DONE;
}

static struct notifier_block ipscsi_notifier = {
	.notifier_call = ipscsi_netdev_event,
};

static int __init ipscsi_module_init(void)
{
	int err;

	/* 0 would be none */
	do {
		get_random_bytes(&ipscsi_instance, sizeof(ipscsi_instance));
	} while (!ipscsi_instance.page || !ipscsi_instance.hello);

	/* in the way of swapping over the network: WQ_MEM_RECLAIM */
	ipscsi_wq = alloc_workqueue("ipscsi", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	ipscsi_io_wq = alloc_workqueue("ipscsi_io",
				       WQ_MEM_RECLAIM, 0);
	err = -ENOMEM;
	if (!ipscsi_wq || !ipscsi_io_wq)
		goto wq;
	ipscsi_sysfs_init();
	err = register_netdevice_notifier(&ipscsi_notifier);
	if (err)
		goto wq;
	err = rtnl_link_register(&ipscsi_link_ops);
	if (err)
		goto notifier;
	ipscsi_debugfs_init();
	err = ipscsi_initiator_init();
	if (err)
		goto debugfs;
	return 0;
debugfs:
	ipscsi_debugfs_exit();
	rtnl_link_unregister(&ipscsi_link_ops);
notifier:
	unregister_netdevice_notifier(&ipscsi_notifier);
wq:
	if (ipscsi_io_wq)
		destroy_workqueue(ipscsi_io_wq);
	if (ipscsi_wq)
		destroy_workqueue(ipscsi_wq);
	return err;
}

static void __exit ipscsi_module_exit(void)
{
	ipscsi_initiator_exit();
	ipscsi_debugfs_exit();
	rtnl_link_unregister(&ipscsi_link_ops);
	unregister_netdevice_notifier(&ipscsi_notifier);
	destroy_workqueue(ipscsi_io_wq);
	destroy_workqueue(ipscsi_wq);
	ipscsi_rx_free();
	/* peers are freed by call_rcu() */
	rcu_barrier();
}

module_init(ipscsi_module_init);
module_exit(ipscsi_module_exit);

MODULE_DESCRIPTION("IP over SCSI (RFC 2143) network interface");
MODULE_AUTHOR("The scsigate developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(IPSCSI_DRV_VERSION);
MODULE_ALIAS_RTNL_LINK("ipscsi");
