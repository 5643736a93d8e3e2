// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load for `make bench-native`, made inside a kernel under User Mode Linux
 *
 * Programs there are traced by ptrace, which costs more than all that we want
 * to measure: so sockets and SCSI commands are used from here. Loading the
 * module takes one measurement, in the network namespace of who loads it, and
 * fails in any case: -ECANCELED says that it was taken. The result is a line
 * in the log.
 *
 * What is measured is processor time: of the process on the host that all
 * this kernel runs in, so of both ends of a connection and all between. There
 * is one processor. At the other end of a connection is the initial
 * namespace.
 */
#include <linux/bitops.h>
#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/icmp.h>
#include <linux/inet.h>
#include <linux/ip.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/sched/signal.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>

#define CHUNK		(128 * 1024)	/* bytes of a write or read, as iperf3 */
#define DEPTH		16		/* SENDs in flight, as the driver */
#define TCP_PORT	5201
#define DISCARD_PORT	9
#define WARM_UP		200		/* ms */
#define PATIENCE	(10 * HZ)

static char *test = "";
module_param(test, charp, 0);
MODULE_PARM_DESC(test, "tcp, tcp-back, udp, udp-back, send, ping or tur");
static char *label = "";
module_param(label, charp, 0);
MODULE_PARM_DESC(label, "what the result is called");
static char *to = "0.0.0.0";
module_param(to, charp, 0);
MODULE_PARM_DESC(to, "IPv4 address in the initial namespace; udp-back: in the other");
static char *from = "0.0.0.0";
module_param(from, charp, 0);
MODULE_PARM_DESC(from, "send: source of the datagrams");
static unsigned int bytes = 1500;
module_param(bytes, uint, 0);
MODULE_PARM_DESC(bytes, "length of a datagram with its IP header");
static unsigned int host;
module_param(host, uint, 0);
MODULE_PARM_DESC(host, "send, tur: number of the SCSI host, with one device");
static unsigned int ms = 1000;
module_param(ms, uint, 0);
MODULE_PARM_DESC(ms, "how long, milliseconds");

/* What has been done so far: bytes, datagrams, commands or round trips */
static u64 done;
static u64 count;	/* @done at the end of the measurement */
static u64 cost;	/* nanoseconds */
static struct net *here;
static int failure;

/*
 * Processor time of this kernel's process, nanoseconds. This code is run by
 * the host like that of any program, so it may ask the host by itself.
 */
static u64 processor_time(void)
{
	struct {
		long sec;
		long nsec;
	} time = {};
	long ret;

	/* clock_gettime(CLOCK_PROCESS_CPUTIME_ID), x86-64 */
	asm volatile("syscall"
		     : "=a"(ret)
		     : "0"(228L), "D"(2L), "S"(&time)
		     : "rcx", "r11", "memory");
	return time.sec * 1000000000ULL + time.nsec;
}

static struct sockaddr_in address(const char *ip, u16 port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_addr.s_addr = in_aton(ip),
		.sin_port = htons(port),
	};
}

/* A thread that lends its socket out: shutting that down ends the thread */
struct worker {
	struct socket *sock;
	struct completion over;
};

static int send_stream(void *data)
{
	struct worker *w = data;
	void *buf = kvzalloc(CHUNK, GFP_KERNEL);

	while (buf) {
		struct kvec vec = { .iov_base = buf, .iov_len = CHUNK };
		struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };

		if (kernel_sendmsg(w->sock, &msg, &vec, 1, CHUNK) <= 0)
			break;
	}
	kvfree(buf);
	/* not complete(): the module may be gone before the return */
	kthread_complete_and_exit(&w->over, 0);
}

static int receive_stream(void *data)
{
	struct worker *w = data;
	void *buf = kvzalloc(CHUNK, GFP_KERNEL);

	while (buf) {
		struct kvec vec = { .iov_base = buf, .iov_len = CHUNK };
		struct msghdr msg = {};
		int n = kernel_recvmsg(w->sock, &msg, &vec, 1, CHUNK, 0);

		if (n <= 0)
			break;
		done += n;
	}
	kvfree(buf);
	kthread_complete_and_exit(&w->over, 0);
}

static int send_datagrams(void *data)
{
	unsigned int len = bytes - sizeof(struct iphdr) - sizeof(struct udphdr);
	struct worker *w = data;
	void *buf = kzalloc(len, GFP_KERNEL);
	unsigned int n = 0;

	while (buf) {
		struct kvec vec = { .iov_base = buf, .iov_len = len };
		struct msghdr msg = {};

		if (kernel_sendmsg(w->sock, &msg, &vec, 1, len) == -EPIPE)
			break;
		if (!(++n % 64))
			cond_resched();
	}
	kfree(buf);
	kthread_complete_and_exit(&w->over, 0);
}

static bool start(struct worker *w, int (*run)(void *), struct socket *sock)
{
	w->sock = sock;
	init_completion(&w->over);
	return !IS_ERR(kthread_run(run, w, "bench"));
}

/* Lets the load run. Return: what it has cost, nanoseconds; result: @done */
static u64 measure(void)
{
	u64 before;

	msleep(WARM_UP);
	done = 0;
	before = processor_time();
	msleep(ms);
	return processor_time() - before;
}

/* What is done one by one has no thread to wait beside: it looks at the time */
struct span {
	unsigned long end;	/* jiffies */
	bool warm;
	u64 before;
};

static struct span begin(void)
{
	return (struct span) { .end = jiffies + msecs_to_jiffies(WARM_UP) };
}

/* Return: whether the measurement, which follows the warm-up, is over */
static bool is_over(struct span *span)
{
	if (time_before(jiffies, span->end))
		return false;
	if (span->warm) {
		cost = processor_time() - span->before;
		count = done;
		return true;
	}
	span->warm = true;
	done = 0;
	span->before = processor_time();
	span->end = jiffies + msecs_to_jiffies(ms);
	return false;
}

static int over_tcp(bool back)
{
	struct socket *listener = NULL, *far = NULL, *near = NULL;
	struct sockaddr_in addr = address(to, TCP_PORT);
	struct worker sender, receiver;
	int err;

	err = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP,
			       &listener) ?:
	      sock_create_kern(here, AF_INET, SOCK_STREAM, IPPROTO_TCP, &near);
	if (err)
		goto out;
	sock_set_reuseaddr(listener->sk);
	err = kernel_bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ?:
	      kernel_listen(listener, 1) ?:
	      kernel_connect(near, (struct sockaddr *)&addr, sizeof(addr), 0) ?:
	      kernel_accept(listener, &far, 0);
	if (err)
		goto out;
	if (start(&receiver, receive_stream, back ? near : far)) {
		if (start(&sender, send_stream, back ? far : near)) {
			cost = measure();
			count = done;
			kernel_sock_shutdown(near, SHUT_RDWR);
			kernel_sock_shutdown(far, SHUT_RDWR);
			wait_for_completion(&sender.over);
		} else {
			err = -ENOMEM;
			kernel_sock_shutdown(near, SHUT_RDWR);
			kernel_sock_shutdown(far, SHUT_RDWR);
		}
		wait_for_completion(&receiver.over);
	} else {
		err = -ENOMEM;
	}
out:
	if (far)
		sock_release(far);
	if (near)
		sock_release(near);
	if (listener)
		sock_release(listener);
	return err;
}

/* Datagrams to the discard port end where IP gets them, and are counted */
static unsigned int discard(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const struct iphdr *ip = ip_hdr(skb);
	const struct udphdr *udp;

	if (ip->protocol != IPPROTO_UDP ||
	    !pskb_may_pull(skb, ip_hdrlen(skb) + sizeof(*udp)))
		return NF_ACCEPT;
	udp = (const struct udphdr *)(skb->data + ip_hdrlen(skb));
	if (udp->dest != htons(DISCARD_PORT))
		return NF_ACCEPT;
	done++;
	return NF_DROP;
}

static const struct nf_hook_ops discard_ops = {
	.hook = discard,
	.pf = NFPROTO_IPV4,
	.hooknum = NF_INET_PRE_ROUTING,
	.priority = NF_IP_PRI_RAW,
};

static int over_udp(struct net *net)
{
	struct sockaddr_in addr = address(to, DISCARD_PORT);
	struct worker sender;
	struct socket *sock;
	int err;

	err = sock_create_kern(net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &sock);
	if (err)
		return err;
	/* only a connected socket can be shut down */
	err = kernel_connect(sock, (struct sockaddr *)&addr, sizeof(addr), 0);
	if (!err && !start(&sender, send_datagrams, sock))
		err = -ENOMEM;
	if (!err) {
		cost = measure();
		count = done;
		kernel_sock_shutdown(sock, SHUT_RDWR);
		wait_for_completion(&sender.over);
	}
	sock_release(sock);
	return err;
}

/* Echo requests, one after the other */
static int round_trips(void)
{
	struct sockaddr_in addr = address(to, 0);
	u8 buf[sizeof(struct iphdr) + 64];
	struct span span = begin();
	struct socket *sock;
	u16 seq = 0;
	int err;

	err = sock_create_kern(here, AF_INET, SOCK_RAW, IPPROTO_ICMP, &sock);
	if (err)
		return err;
	sock->sk->sk_rcvtimeo = PATIENCE;
	while (!is_over(&span)) {
		struct icmphdr *icmp = (struct icmphdr *)buf;
		struct kvec vec = { .iov_base = buf, .iov_len = 64 };
		struct msghdr msg = { .msg_name = &addr,
				      .msg_namelen = sizeof(addr) };
		const struct icmphdr *reply;

		memset(buf, 0, sizeof(buf));
		icmp->type = ICMP_ECHO;
		icmp->un.echo.id = htons(1);
		icmp->un.echo.sequence = htons(++seq);
		icmp->checksum = ip_compute_csum(buf, 64);
		err = kernel_sendmsg(sock, &msg, &vec, 1, 64);
		if (err < 0)
			break;
		do {
			struct msghdr in = {};

			vec.iov_base = buf;
			vec.iov_len = sizeof(buf);
			err = kernel_recvmsg(sock, &in, &vec, 1, sizeof(buf), 0);
			reply = (const struct icmphdr *)(buf + sizeof(struct iphdr));
		} while (err > 0 && (err < sizeof(buf) ||
				     reply->type != ICMP_ECHOREPLY ||
				     reply->un.echo.sequence != htons(seq)));
		if (err <= 0)
			break;
		done++;
		err = 0;
	}
	sock_release(sock);
	return err;
}

/* --- SCSI commands --- */

struct slot {
	struct llist_node node;
	struct scsi_device *sdev;
	void *buf;
	blk_status_t status;
	int result;
};

static LLIST_HEAD(finished);
static DECLARE_COMPLETION(some_finished);

static struct scsi_device *device(void)
{
	struct Scsi_Host *shost = scsi_host_lookup(host);
	struct scsi_device *sdev, *found = NULL;

	if (!shost)
		return NULL;
	/* the reference is the iterator's until the break */
	shost_for_each_device(sdev, shost) {
		found = sdev;
		break;
	}
	scsi_host_put(shost);
	return found;
}

static void make_datagram(u8 *buf)
{
	struct iphdr *ip = (struct iphdr *)buf;
	struct udphdr *udp = (struct udphdr *)(ip + 1);

	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons(bytes);
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->saddr = in_aton(from);
	ip->daddr = in_aton(to);
	ip->check = ip_fast_csum(ip, ip->ihl);
	udp->source = htons(1024);
	udp->dest = htons(DISCARD_PORT);
	udp->len = htons(bytes - sizeof(*ip));
}

static enum rq_end_io_ret slot_over(struct request *rq, blk_status_t status)
{
	struct slot *slot = rq->end_io_data;
	struct scsi_cmnd *scmd = blk_mq_rq_to_pdu(rq);

	slot->status = status;
	slot->result = scmd->result;
	llist_add(&slot->node, &finished);
	complete(&some_finished);
	return RQ_END_IO_FREE;
}

/* RFC 2143: SEND MESSAGE(10), stream 0, IPv4 */
static int submit(struct slot *slot)
{
	struct request_queue *q = slot->sdev->request_queue;
	struct scsi_cmnd *scmd;
	struct request *rq;
	int err;

	rq = scsi_alloc_request(q, REQ_OP_DRV_OUT, 0);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	err = blk_rq_map_kern(q, rq, slot->buf, bytes, GFP_KERNEL);
	if (err) {
		blk_mq_free_request(rq);
		return err;
	}
	scmd = blk_mq_rq_to_pdu(rq);
	scmd->cmd_len = 10;
	scmd->cmnd[0] = 0x2a;
	scmd->cmnd[7] = bytes >> 8;
	scmd->cmnd[8] = bytes;
	rq->timeout = 60 * HZ;
	rq->end_io = slot_over;
	rq->end_io_data = slot;
	blk_execute_rq_nowait(rq, false);
	return 0;
}

static int sends(void)
{
	struct scsi_device *sdev = device();
	struct slot *slots = kcalloc(DEPTH, sizeof(*slots), GFP_KERNEL);
	unsigned int i, in_flight = 0;
	struct slot *slot, *next;
	struct span span = begin();
	int err = sdev && slots ? 0 : -ENODEV;
	bool stop;

	for (i = 0; !err && i < DEPTH; i++) {
		slots[i].sdev = sdev;
		slots[i].buf = kzalloc(bytes, GFP_KERNEL);
		if (!slots[i].buf) {
			err = -ENOMEM;
			break;
		}
		make_datagram(slots[i].buf);
		err = submit(&slots[i]);
		in_flight += !err;
	}
	stop = err;
	while (in_flight) {
		wait_for_completion(&some_finished);
		reinit_completion(&some_finished);
		llist_for_each_entry_safe(slot, next, llist_del_all(&finished),
					  node) {
			in_flight--;
			if (slot->status || slot->result)
				err = err ?: -EIO;
			done++;
			if (stop || err)
				continue;
			err = submit(slot);
			in_flight += !err;
		}
		stop = stop || is_over(&span);
	}
	for (i = 0; slots && i < DEPTH; i++)
		kfree(slots[i].buf);
	kfree(slots);
	if (sdev)
		scsi_device_put(sdev);
	return err;
}

/* TEST UNIT READY, one after the other */
static int commands(void)
{
	struct scsi_device *sdev = device();
	struct span span = begin();
	int err = sdev ? 0 : -ENODEV;

	while (!err && !is_over(&span)) {
		struct scsi_cmnd *scmd;
		struct request *rq;

		rq = scsi_alloc_request(sdev->request_queue, REQ_OP_DRV_IN, 0);
		if (IS_ERR(rq)) {
			err = PTR_ERR(rq);
			break;
		}
		scmd = blk_mq_rq_to_pdu(rq);
		scmd->cmd_len = 6;
		rq->timeout = 60 * HZ;
		/* the first ones bring unit attentions */
		if (blk_execute_rq(rq, false) || (scmd->result && span.warm))
			err = -EIO;
		blk_mq_free_request(rq);
		done++;
	}
	if (sdev)
		scsi_device_put(sdev);
	return err;
}

/*
 * All of it in threads of the kernel's own: each switch to a program's makes
 * User Mode Linux ask the host for that program's registers.
 */
static int take_measurement(void *data)
{
	struct completion *over = data;

	if (!strcmp(test, "tcp") || !strcmp(test, "tcp-back"))
		failure = over_tcp(!strcmp(test, "tcp-back"));
	else if (!strcmp(test, "udp"))
		failure = over_udp(here);
	else if (!strcmp(test, "udp-back"))
		failure = over_udp(&init_net);
	else if (!strcmp(test, "send"))
		failure = sends();
	else if (!strcmp(test, "ping"))
		failure = round_trips();
	else if (!strcmp(test, "tur"))
		failure = commands();
	else
		failure = -EINVAL;
	kthread_complete_and_exit(over, 0);
}

static int __init bench_native_init(void)
{
	DECLARE_COMPLETION_ONSTACK(over);
	struct task_struct *task;
	struct net *there;

	here = current->nsproxy->net_ns;
	pr_info("bench-native: %s ...\n", label);
	there = strcmp(test, "udp-back") ? &init_net : here;
	failure = nf_register_net_hook(there, &discard_ops);
	if (failure)
		return failure;
	task = kthread_run(take_measurement, &over, "bench");
	if (IS_ERR(task))
		failure = PTR_ERR(task);
	else
		wait_for_completion(&over);
	nf_unregister_net_hook(there, &discard_ops);
	if (failure || !count) {
		pr_err("bench-native: %s: failed with %d\n", label, failure);
		return failure ?: -EIO;
	}
	pr_info("bench-native: {\"label\":\"%s\",\"count\":%llu,\"nanoseconds\":%llu}\n",
		label, count, cost);
	return -ECANCELED;
}

module_init(bench_native_init);

MODULE_DESCRIPTION("Load for scsigate's bench, under User Mode Linux");
MODULE_AUTHOR("The scsigate developers");
MODULE_LICENSE("GPL");
