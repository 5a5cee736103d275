// What a hostile guest tries from inside: run as the guest's root by AttackDrillTests, which watches the host meanwhile. Static, one file.
//
//   attack reach ADDRESS...       ordinary sockets: TCP, UDP and ICMP to many ports of each; prints who answered, then the number of tries
//   attack frames ADDRESS...      crafted Ethernet frames, each once; prints how many of each kind, then how many in all
//   attack flood KIND SECONDS     udp, syn, arp or dns as fast as it goes; prints the number of frames
//   attack fuzz SEED SECONDS      random frames, and right ones with a few bits changed; prints the number of frames
//
// Every crafted frame that could go anywhere carries the text "osc-attack", by which it is known on the host.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t byte;

static int raw;
static byte own_hardware[6], router_hardware[6] = {0x52, 0x55, 10, 0, 2, 254};
static const byte query[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1";
static const char tag[] = "osc-attack";

static uint32_t address(const char *text) { return inet_addr(text); }

static uint64_t state = 88172645463325252ull;
static uint32_t any(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state >> 16;
}

// MARK: Ordinary sockets

static const int ports[] = {21, 22, 53, 67, 69, 80, 111, 139, 445, 631, 2049, 3306, 5900, 6379, 8080, 16509};
enum { port_count = sizeof ports / sizeof *ports };

static int tries;

static int begin(const char *host, int port, int type, int protocol) {
    union { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; } to = {0};
    socklen_t length = sizeof to.four;
    if (strchr(host, ':')) {
        to.six.sin6_family = AF_INET6, to.six.sin6_port = htons(port), length = sizeof to.six;
        to.six.sin6_scope_id = if_nametoindex("eth0");
        if (inet_pton(AF_INET6, host, &to.six.sin6_addr) != 1) exit(64);
        if (protocol == IPPROTO_ICMP) protocol = IPPROTO_ICMPV6;
    } else {
        to.four.sin_family = AF_INET, to.four.sin_port = htons(port), to.four.sin_addr.s_addr = address(host);
    }
    tries++;
    int one = 1, it = socket(to.any.sa_family, type | SOCK_NONBLOCK, protocol);
    if (it < 0) return -1;
    setsockopt(it, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
    if (connect(it, &to.any, length) < 0 && errno != EINPROGRESS) {
        close(it);
        return -1;
    }
    return it;
}

static void reach(const char *host) {
    struct { int fd, port; const char *kind; bool has_asked; } all[2 * port_count + 1];
    int count = 0;
    for (int i = 0; i < port_count; i++) {
        all[count].port = ports[i], all[count].kind = "tcp", all[count].has_asked = false;
        all[count++].fd = begin(host, ports[i], SOCK_STREAM, 0);
        all[count].port = ports[i], all[count].kind = "udp", all[count].has_asked = false;
        all[count++].fd = begin(host, ports[i], SOCK_DGRAM, 0);
    }
    all[count].port = 0, all[count].kind = "icmp", all[count].has_asked = false;
    all[count++].fd = begin(host, 0, SOCK_RAW, IPPROTO_ICMP);
    time_t end = time(0) + 3;
    while (time(0) < end) {
        struct pollfd wait[2 * port_count + 1];
        for (int i = 0; i < count; i++)
            wait[i] = (struct pollfd){all[i].fd, all[i].has_asked ? POLLIN : POLLOUT, 0};
        poll(wait, count, 200);
        for (int i = 0; i < count; i++) {
            char answer[512];
            if (!wait[i].revents) continue;
            if (!all[i].has_asked) {
                int error = 0;
                socklen_t length = sizeof error;
                getsockopt(all[i].fd, SOL_SOCKET, SO_ERROR, &error, &length);
                if (error) {
                    close(all[i].fd), all[i].fd = -1;
                    continue;
                }
                if (all[i].port == 0) {
                    byte echo[16] = {strchr(host, ':') ? 128 : 8, 0, 0xF7, 0xFF};
                    if (strchr(host, ':')) echo[2] = echo[3] = 0;
                    send(all[i].fd, echo, sizeof echo, MSG_NOSIGNAL);
                } else if (all[i].port == 53) {
                    // The same over TCP, with its length before it.
                    byte stream[sizeof query + 1] = {0, sizeof query - 1};
                    memcpy(stream + 2, query, sizeof query - 1);
                    bool is_stream = all[i].kind[0] == 't';
                    send(all[i].fd, is_stream ? stream : query, sizeof query - 1 + 2 * is_stream, MSG_NOSIGNAL);
                } else {
                    send(all[i].fd, "hello\r\n", 7, MSG_NOSIGNAL);
                }
                all[i].has_asked = true;
            } else if (recv(all[i].fd, answer, sizeof answer, 0) > 0) {
                printf("REACHED %s %s %d\n", host, all[i].kind, all[i].port);
                close(all[i].fd), all[i].fd = -1;
            } else {
                close(all[i].fd), all[i].fd = -1;
            }
        }
    }
    for (int i = 0; i < count; i++) close(all[i].fd);
}

// MARK: Frames

static void open_raw(void) {
    struct ifreq request = {.ifr_name = "eth0"};
    raw = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    if (raw < 0 || ioctl(raw, SIOCGIFHWADDR, &request) < 0) perror("eth0"), exit(1);
    memcpy(own_hardware, request.ifr_hwaddr.sa_data, 6);
    ioctl(raw, SIOCGIFINDEX, &request);
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = request.ifr_ifindex};
    if (bind(raw, (struct sockaddr *)&at, sizeof at) < 0) perror("bind"), exit(1);
    char line[200];
    unsigned b[6];
    FILE *table = fopen("/proc/net/arp", "r");
    while (table && fgets(line, sizeof line, table))
        if (sscanf(line, "10.0.2.254 %*s %*s %x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5) == 6)
            for (int i = 0; i < 6; i++) router_hardware[i] = b[i];
}

static int sent;

static void put(const byte *frame, int length) {
    byte padded[60] = {0};
    if (length < 60) memcpy(padded, frame, length), frame = padded, length = 60;
    for (int i = 0; i < 1000; i++) {
        if (send(raw, frame, length, 0) >= 0) {
            sent++;
            return;
        }
        // Longer than the interface takes, say: never sent, and not counted.
        if (errno != ENOBUFS && errno != EAGAIN) return;
        usleep(1000);
    }
}

static void put16(byte *at, unsigned value) { at[0] = value >> 8, at[1] = value; }

static uint16_t sum(const byte *bytes, int count, uint32_t start) {
    for (; count > 1; count -= 2, bytes += 2) start += bytes[0] << 8 | bytes[1];
    if (count) start += bytes[0] << 8;
    while (start >> 16) start = (start & 0xFFFF) + (start >> 16);
    return ~start;
}

static int ethernet(byte *frame, unsigned type) {
    memcpy(frame, router_hardware, 6);
    memcpy(frame + 6, own_hardware, 6);
    put16(frame + 12, type);
    return 14;
}

// Writes a frame with an IPv4 packet, sums and all; the transport's header is that of TCP, UDP or ICMP, and none for other protocols.
static int packet(byte *frame, int protocol, uint32_t from, uint32_t to, int from_port, int to_port, int flags, const void *data, int count) {
    byte *ip = frame + ethernet(frame, 0x0800);
    int header = protocol == 6 ? 20 : protocol == 17 || protocol == 1 ? 8 : 0, total = 20 + header + count;
    memset(ip, 0, 20 + header);
    ip[0] = 0x45, ip[8] = 64, ip[9] = protocol;
    put16(ip + 2, total), put16(ip + 4, any());
    memcpy(ip + 12, &from, 4), memcpy(ip + 16, &to, 4);
    put16(ip + 10, sum(ip, 20, 0));
    byte *segment = ip + 20;
    if (protocol == 6 || protocol == 17) put16(segment, from_port), put16(segment + 2, to_port);
    if (protocol == 6) put16(segment + 4, any()), segment[12] = 0x50, segment[13] = flags, segment[14] = 0x20;
    if (protocol == 17) put16(segment + 4, 8 + count);
    if (protocol == 1) segment[0] = flags;
    memcpy(segment + header, data, count);
    if (protocol == 1) put16(segment + 2, sum(segment, header + count, 0));
    if (protocol == 6 || protocol == 17)
        put16(segment + (protocol == 6 ? 16 : 6), sum(segment, header + count, (uint16_t)~sum(ip + 12, 8, protocol + header + count)));
    return 14 + total;
}

static void arp(int operation, uint32_t sender, uint32_t target, const byte *hardware) {
    byte frame[60] = {0};
    memset(frame, 255, 6), memcpy(frame + 6, own_hardware, 6);
    memcpy(frame + 12, "\x08\x06\0\1\x08\0\6\4\0", 9), frame[21] = operation;
    memcpy(frame + 22, hardware, 6), memcpy(frame + 28, &sender, 4), memcpy(frame + 38, &target, 4);
    memcpy(frame + 42, tag, sizeof tag - 1);
    put(frame, 60);
}

static void six(const char *to, int next, const byte *payload, int count) {
    byte frame[300] = {0}, *ip = frame + ethernet(frame, 0x86DD);
    ip[0] = 0x60, ip[6] = next, ip[7] = 255;
    put16(ip + 4, count);
    inet_pton(AF_INET6, "fe80::5054:ff:fe12:3456", ip + 8), inet_pton(AF_INET6, to, ip + 24);
    memcpy(ip + 40, payload, count);
    // ICMPv6, TCP and UDP over the pseudo header.
    byte *field = ip + 40 + (next == 58 ? 2 : next == 6 ? 16 : 6);
    put16(field, 0), put16(field, sum(ip + 40, count, (uint16_t)~sum(ip + 8, 32, count + next)));
    put(frame, 54 + count);
}

static void finish(const char *kind) {
    static int before;
    printf("%s %d\n", kind, sent - before);
    before = sent;
}

static void frames(int count, char **hosts) {
    byte f[2000], wrapped[2000];
    uint32_t me = address("10.0.2.15"), internet = address("9.9.9.9");
    const int protocols[] = {6, 17, 1};
    const int data = sizeof tag - 1;
    // The test's control: this one must arrive.
    put(f, packet(f, 17, me, internet, 40000, 80, 0, "osc-control", 11));
    finish("control");

    for (int h = 0; h < count; h++)
        for (int p = 0; p < 3; p++)
            put(f, packet(f, protocols[p], me, address(hosts[h]), 41000 + h, 80, protocols[p] == 6 ? 2 : 8, tag, data));
    finish("plain");

    const char *sources[] = {"127.0.0.1", "203.0.113.2", "10.0.2.254", "10.0.2.2", "10.0.2.3", "10.0.2.16", "0.0.0.0", "9.9.9.9", "255.255.255.255", "224.0.0.1"};
    for (unsigned s = 0; s < sizeof sources / sizeof *sources; s++)
        for (int p = 0; p < 3; p++) {
            put(f, packet(f, protocols[p], address(sources[s]), internet, 42000, 81, protocols[p] == 6 ? 2 : 8, tag, data));
            put(f, packet(f, protocols[p], address(sources[s]), address(hosts[s % count]), 42000, 80, protocols[p] == 6 ? 2 : 8, tag, data));
        }
    finish("spoofed");

    for (int h = 0; h <= count; h++) {
        // One tag, and one within another.
        int n = packet(f, 17, me, h < count ? address(hosts[h]) : internet, 43000, 81, 0, tag, data);
        for (int twice = 0; twice < 2; twice++) {
            memcpy(wrapped, f, 12), memcpy(wrapped + 12, twice ? "\x88\xA8\0\1\x81\0\0\2" : "\x81\0\0\1", 4 + 4 * twice);
            memcpy(wrapped + 16 + 4 * twice, f + 12, n - 12);
            put(wrapped, n + 4 + 4 * twice);
        }
    }
    finish("vlan");

    for (int h = 0; h <= count; h++)
        for (int reverse = 0; reverse < 2; reverse++) {
            byte whole[2000], part[2000];
            packet(whole, 17, me, h < count ? address(hosts[h]) : internet, 44000 + reverse, 81, 0, "osc-attackosc-attack----", 24);
            for (int i = 0; i < 2; i++) {
                bool is_last = i != reverse;
                memcpy(part, whole, 34), memcpy(part + 34, whole + 34 + 16 * is_last, 16);
                put16(part + 16, 36), put16(part + 20, is_last ? 2 : 0x2000);
                put16(part + 24, 0), put16(part + 24, sum(part + 14, 20, 0));
                put(part, 50);
            }
        }
    finish("fragments");

    for (int h = 0; h <= count; h++)
        for (int kind = 0; kind < 3; kind++) {
            // Loose and strict source route over the internet's address, record route.
            int n = packet(f, 17, me, internet, 45000, 81, 0, tag, data);
            uint32_t end = h < count ? address(hosts[h]) : internet;
            memcpy(wrapped, f, 34), memcpy(wrapped + 42, f + 34, n - 34);
            wrapped[34] = (byte[]){131, 137, 7}[kind], wrapped[35] = 7, wrapped[36] = 4, wrapped[41] = 0;
            memcpy(wrapped + 37, &end, 4);
            wrapped[14] = 0x47, put16(wrapped + 16, n - 14 + 8);
            put16(wrapped + 24, 0), put16(wrapped + 24, sum(wrapped + 14, 28, 0));
            put(wrapped, n + 8);
        }
    finish("options");

    // IGMP, IPIP, EGP, RDP, IPv6 in IPv4, GRE, ESP, AH, OSPF, SCTP, UDP-Lite: with a packet to the host within.
    const int tunnels[] = {2, 4, 8, 27, 41, 47, 50, 51, 89, 132, 136};
    for (unsigned t = 0; t < sizeof tunnels / sizeof *tunnels; t++)
        for (int h = 0; h <= count; h++) {
            int n = packet(f, 17, me, address(hosts[h % count]), 46000, 80, 0, tag, data), skip = tunnels[t] == 47 ? 4 : 0;
            byte inner[500] = {0, 0, 8, 0};
            memcpy(inner + skip, f + 14, n - 14);
            put(f, packet(f, tunnels[t], me, h < count ? address(hosts[h]) : internet, 0, 0, 0, inner, n - 14 + skip));
        }
    finish("tunnels");

    const char *names[] = {"10.0.2.2", "10.0.2.3", "10.0.2.254", "203.0.113.1", "203.0.113.2", "10.99.0.2", "127.0.0.1"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        for (int operation = 1; operation <= 4; operation++)
            arp(operation, address(names[i]), address(names[(i + operation) % 7]), operation % 2 ? own_hardware : router_hardware);
    finish("arp");

    const char *sixes[] = {"::1", "fd99::1", "fd99::2", "ff02::1", "ff02::2", "fec0::2", "fec0::3", "::ffff:127.0.0.1", "64:ff9b::7f00:1"};
    for (unsigned i = 0; i < sizeof sixes / sizeof *sixes; i++) {
        // Echo, a router that advertises itself, solicitation, a neighbour that advertises itself.
        for (int kind = 0; kind < 4; kind++) {
            byte icmp[48] = {(byte[]){128, 134, 135, 136}[kind], 0, 0, 0, 64, 0, 7, 8};
            memcpy(icmp + 30, tag, data);
            six(sixes[i], 58, icmp, sizeof icmp);
        }
        byte datagram[40] = {0xB0, 0, 0, 80, 0, 40}, segment[40] = {0xB0, 0, 0, 80, [12] = 0x50, 2, 0x20};
        memcpy(datagram + 20, tag, data), memcpy(segment + 24, tag, data);
        six(sixes[i], 17, datagram, 40), six(sixes[i], 6, segment, 40);
    }
    finish("ipv6");

    // EAPOL, LLDP, PPPoE, MPLS, Wake-on-LAN, PTP, an 802.3 length, IPX, AppleTalk, reserved.
    const int types[] = {0x888E, 0x88CC, 0x8863, 0x8864, 0x8847, 0x0842, 0x88F7, 46, 0x8137, 0x809B, 0xFFFF, 0};
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        memset(f, i, 60), ethernet(f, types[i]), memcpy(f + 20, tag, data);
        put(f, 60);
    }
    finish("types");

    for (int h = 0; h < count; h++) {
        // A length that is too long, a header that is too short, another version, a wrong sum, the reserved flag, a sender that is a group.
        for (int kind = 0; kind < 6; kind++) {
            int n = packet(f, 17, me, address(hosts[h]), 47000, 80, 0, tag, data);
            if (kind == 0) put16(f + 16, 1400);
            if (kind == 1) f[14] = 0x44;
            if (kind == 2) f[14] = 0x65;
            if (kind == 3) f[24] ^= 0x55;
            if (kind == 4) f[20] |= 0x80;
            if (kind == 5) f[6] |= 1;
            if (kind != 3) put16(f + 24, 0), put16(f + 24, sum(f + 14, 20, 0));
            put(f, n);
        }
    }
    finish("malformed");
}

// MARK: Floods and random frames

static void flood(const char *kind, int seconds) {
    byte f[200];
    uint32_t me = address("10.0.2.15"), internet = address("9.9.9.9");
    for (time_t end = time(0) + seconds; time(0) < end;)
        for (int i = 0; i < 200; i++) {
            int from = 1024 + any() % 60000, to = 1 + any() % 65000;
            if (!strcmp(kind, "arp")) arp(1, me, htonl(0x0A000200 | (any() & 255)), own_hardware);
            else if (!strcmp(kind, "dns")) put(f, packet(f, 17, me, address("10.0.2.3"), from, 53, 0, query, sizeof query - 1));
            else if (!strcmp(kind, "syn")) put(f, packet(f, 6, me, internet, from, to, 2, "", 0));
            else put(f, packet(f, 17, me, internet, from, to, 0, tag, sizeof tag - 1));
        }
}

static int dhcp(byte *data) {
    int at = 240, end = 240 + any() % 300;
    memset(data, 0, 600);
    data[0] = 1, data[1] = 1, data[2] = 6;
    memcpy(data + 28, own_hardware, 6), memcpy(data + 236, "\x63\x82\x53\x63", 4);
    data[at++] = 53, data[at++] = 1, data[at++] = 1 + any() % 8;
    while (at < end - 4 && any() % 6) {
        int length = any() % (any() % 3 ? 8 : 255);
        data[at++] = (byte[]){50, 12, 55, 61, 54, 255, any()}[any() % 7], data[at++] = length;
        for (int i = 0; i < length && at < end; i++) data[at++] = any();
    }
    return end;
}

static int right_frame(byte *f) {
    const char *targets[] = {"10.0.2.2", "10.0.2.3", "10.0.2.254", "10.0.2.15", "9.9.9.9", "255.255.255.255", "203.0.113.1"};
    const int usual[] = {22, 53, 67, 80, 69, 113, 21, any() & 0xFFFF}, flags[] = {2, 16, 24, 17, 4, 1, 18, 25};
    byte data[2000];
    int count = any() % (any() % 4 ? 64 : 1400), protocol = (int[]){6, 6, 6, 17, 17, 1}[any() % 6], port = usual[any() % 8];
    uint32_t me = address("10.0.2.15"), to = address(targets[any() % 7]);
    for (int i = 0; i < count; i++) data[i] = any();
    if (port == 67) {
        count = dhcp(data);
        return packet(f, 17, any() % 2 ? 0 : me, any() % 2 ? ~0u : address("10.0.2.254"), 68, 67, 0, data, count);
    }
    int flag = protocol == 1 ? (any() % 3 ? 8 : (int)(any() & 255)) : any() % 2 ? flags[any() % 8] : (int)(any() & 255);
    int length = packet(f, protocol, me, to, any() % 3 ? 1024 + any() % 200 : 22, port, flag, data, count);
    if (protocol == 6 && any() % 2 && count > 8) {
        // What was data becomes options of any kind.
        int options = 4 * (1 + any() % 10);
        if (options > count) options = count & ~3;
        f[46] = (20 + options) / 4 << 4;
        put16(f + 50, 0), put16(f + 50, sum(f + 34, length - 34, (uint16_t)~sum(f + 26, 8, 6 + length - 34)));
    }
    return length;
}

static void fuzz(int seconds) {
    byte f[2000];
    for (time_t end = time(0) + seconds; time(0) < end;)
        for (int i = 0; i < 200; i++) {
            int length = right_frame(f), way = any() % 5;
            if (way == 1) for (int n = 1 + any() % 6; n--;) f[any() % length] = any();
            if (way == 2) f[14 + any() % 20] = any(), put16(f + 24, 0), put16(f + 24, sum(f + 14, 20, 0));
            if (way == 3 && any() % 8 == 0) length = 14 + any() % (length - 13);
            if (way == 4 && any() % 4 == 0) {
                length = 14 + any() % 1400;
                for (int n = 0; n < length; n++) f[n] = any();
                if (any() % 2) put16(f + 12, (int[]){0x0800, 0x0806, 0x86DD, 0x8100}[any() % 4]);
            }
            put(f, length);
        }
}

int main(int count, char **words) {
    if (count < 3) return 64;
    if (!strcmp(words[1], "reach")) {
        for (int i = 2; i < count; i++) reach(words[i]);
        printf("tries %d\n", tries);
        return 0;
    }
    open_raw();
    if (!strcmp(words[1], "frames")) {
        frames(count - 2, words + 2);
    } else if (count < 4) {
        return 64;
    } else if (!strcmp(words[1], "flood")) {
        flood(words[2], atoi(words[3]));
    } else {
        state ^= strtoull(words[2], 0, 0) * 0x9E3779B97F4A7C15ull;
        fuzz(atoi(words[3]));
    }
    printf("frames %d\n", sent);
    return 0;
}
