// SPDX-License-Identifier: GPL-2.0
/*
 * A peer on the guest's network that uses nothing of the host: it answers every
 * ARP request for an IPv4 address (RFC 826), and ICMP echo requests (RFC 792).
 */

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "virtio/net_loop.h"

/* Locally administered */
static const uint8_t our_mac[ETH_ALEN] = { 0x02, 0x47, 0x5a, 0, 0, 0xfe };

static size_t answer_arp(const uint8_t *frame, size_t len, uint8_t *answer)
{
	static const uint8_t nobody[4];
	struct ether_arp arp;
	uint8_t asked[4];

	if (len < ETH_HLEN + sizeof(arp))
		return 0;
	memcpy(&arp, frame + ETH_HLEN, sizeof(arp));
	if (arp.arp_op != htons(ARPOP_REQUEST) ||
	    arp.arp_pro != htons(ETHERTYPE_IP) || arp.arp_pln != 4 ||
	    arp.arp_hln != ETH_ALEN)
		return 0;
	/* Does anybody use my address? Nobody answers. */
	if (!memcmp(arp.arp_spa, nobody, 4) ||
	    !memcmp(arp.arp_spa, arp.arp_tpa, 4))
		return 0;
	memcpy(asked, arp.arp_tpa, 4);
	arp.arp_op = htons(ARPOP_REPLY);
	memcpy(arp.arp_tha, arp.arp_sha, ETH_ALEN);
	memcpy(arp.arp_tpa, arp.arp_spa, 4);
	memcpy(arp.arp_sha, our_mac, ETH_ALEN);
	memcpy(arp.arp_spa, asked, 4);
	memcpy(answer + ETH_HLEN, &arp, sizeof(arp));
	return ETH_HLEN + sizeof(arp);
}

/* The type is the high byte of the only word that changes (RFC 1624) */
static void make_reply(struct icmphdr *icmp)
{
	uint32_t sum = ntohs(icmp->checksum) + (ICMP_ECHO << 8);

	icmp->type = ICMP_ECHOREPLY;
	icmp->checksum = htons((sum & 0xffff) + (sum >> 16));
}

static size_t answer_ip(const uint8_t *frame, size_t len, uint8_t *answer)
{
	struct iphdr ip;
	struct icmphdr icmp;
	size_t hlen, total;
	uint32_t addr;

	if (len < ETH_HLEN + sizeof(ip))
		return 0;
	memcpy(&ip, frame + ETH_HLEN, sizeof(ip));
	hlen = ip.ihl * 4;
	total = ntohs(ip.tot_len);
	if (ip.version != 4 || hlen < sizeof(ip) || total > len - ETH_HLEN ||
	    total < hlen + sizeof(icmp) || ip.protocol != IPPROTO_ICMP ||
	    ip.frag_off & htons(IP_MF | IP_OFFMASK))
		return 0;
	memcpy(&icmp, frame + ETH_HLEN + hlen, sizeof(icmp));
	if (icmp.type != ICMP_ECHO || icmp.code)
		return 0;
	make_reply(&icmp);
	/* The header's sum does not depend on the order of the addresses */
	addr = ip.saddr;
	ip.saddr = ip.daddr;
	ip.daddr = addr;
	memcpy(answer + ETH_HLEN, frame + ETH_HLEN, total);
	memcpy(answer + ETH_HLEN, &ip, sizeof(ip));
	memcpy(answer + ETH_HLEN + hlen, &icmp, sizeof(icmp));
	return ETH_HLEN + total;
}

/**
 * gz_net_loop_answer() - the peer's answer to a frame
 * @frame: Ethernet frame from the guest
 * @len: its length
 * @answer: room for a frame of the same length
 *
 * Return: length of the answer, or 0 if there is none.
 */
size_t gz_net_loop_answer(const uint8_t *frame, size_t len, uint8_t *answer)
{
	struct ether_header eth;
	size_t n = 0;

	if (len < sizeof(eth))
		return 0;
	memcpy(&eth, frame, sizeof(eth));
	if (eth.ether_type == htons(ETHERTYPE_ARP))
		n = answer_arp(frame, len, answer);
	else if (eth.ether_type == htons(ETHERTYPE_IP))
		n = answer_ip(frame, len, answer);
	if (!n)
		return 0;
	memcpy(eth.ether_dhost, eth.ether_shost, ETH_ALEN);
	memcpy(eth.ether_shost, our_mac, ETH_ALEN);
	memcpy(answer, &eth, sizeof(eth));
	return n;
}
