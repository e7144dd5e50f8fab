/*
 * The load of packets: straight to the service, or in capsules (RFC 9297) through CONNECT-UDP over HTTP/1.1 (RFC 9298
 * section 3). Sockets block; a read that takes too long means that packets were lost.
 *
 *   udpLatency  one packet at a time, there and back
 *   udpRate     so many under way, there and back, that the way is never idle
 *   udpOneWay   as many as can be sent; the service counts what arrives
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "load.h"

#define WINDOW 128
#define BATCH 32
#define LOST_MS 250
#define MAX_SIZE 1400
#define UNCOUNTED 50
#define MAX_SAMPLES 1000000
enum { UDP_ECHO = 0, UDP_COUNT = 1, UDP_REPORT = 2 };

static struct link way;
static bool is_direct;
static uint8_t packet[MAX_SIZE + 8]; /* with the head of its capsule */
static size_t head_size;
static uint8_t input[BUFFER_BYTES];
static size_t input_at, input_end;

static void open_way(void) {
  struct timeval timeout = {.tv_usec = LOST_MS * 1000};
  is_direct = options.ca == NULL;
  if (is_direct) {
    way.fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(way.fd, (struct sockaddr *)&to, sizeof to) != 0) die("cannot connect");
    setsockopt(way.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return;
  }
  way.fd = connect_to(options.port, true);
  way.ssl = SSL_new(client_context("http/1.1"));
  SSL_set_fd(way.ssl, way.fd);
  SSL_set_tlsext_host_name(way.ssl, "localhost");
  SSL_set1_host(way.ssl, "localhost");
  if (SSL_connect(way.ssl) != 1) die("the handshake failed");
  char head[8192];
  int length = snprintf(head, sizeof head,
                        "GET /.well-known/masque/udp/%s/ HTTP/1.1\r\nHost: localhost:%d\r\nConnection: Upgrade\r\n"
                        "Upgrade: connect-udp\r\nCapsule-Protocol: ?1\r\n%s%s\r\n",
                        options.udp, options.port, options.header == NULL ? "" : options.header,
                        options.header == NULL ? "" : "\r\n");
  link_write(&way, head, (size_t)length);
  size_t filled = 0;
  do {
    ssize_t count = link_read(&way, head + filled, sizeof head - 1 - filled);
    if (count < 0) die("CONNECT-UDP was not answered");
    filled += (size_t)count;
    head[filled] = 0;
  } while (strstr(head, "\r\n\r\n") == NULL);
  if (strncmp(head, "HTTP/1.1 101", 12) != 0) die("CONNECT-UDP was answered with %.60s", head);
  setsockopt(way.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
}

/* A DATAGRAM capsule: type 0, length as a varint of two bytes, context 0, payload. */
static void make_packet(uint8_t kind) {
  size_t length = (size_t)options.size + 1;
  memset(packet, 0, sizeof packet);
  head_size = is_direct ? 0 : 4;
  if (!is_direct) {
    packet[1] = (uint8_t)(0x40 | length >> 8);
    packet[2] = (uint8_t)length;
  }
  packet[head_size] = kind;
}

static void send_direct(int count) {
  struct mmsghdr messages[BATCH];
  struct iovec piece = {packet, (size_t)options.size};
  for (int index = 0; index < count; index++) {
    messages[index] = (struct mmsghdr){.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}};
  }
  if (sendmmsg(way.fd, messages, (unsigned)count, 0) < 0) die("cannot send: %s", strerror(errno));
}

static void send_packets(int count) {
  static uint8_t out[BATCH * sizeof packet];
  for (; count > 0; count -= BATCH) {
    int some = count < BATCH ? count : BATCH;
    if (is_direct) {
      send_direct(some);
      continue;
    }
    size_t each = head_size + (size_t)options.size, all = each * (size_t)some;
    for (int index = 0; index < some; index++) memcpy(out + each * (size_t)index, packet, each);
    for (size_t sent = 0; sent < all;) {
      ssize_t written = link_write(&way, out + sent, all - sent);
      if (written < 0) die("the way ended early");
      sent += (size_t)written;
    }
  }
}

static size_t varint(const uint8_t *from, size_t size, uint64_t *value) {
  size_t length = size == 0 ? 1 : (size_t)1 << (*from >> 6);
  if (length > size) return 0;
  *value = *from & 0x3f;
  for (size_t index = 1; index < length; index++) *value = *value << 8 | from[index];
  return length;
}

/* @returns packets that are complete in what was read; keeps the payload of the last in `scratch` */
static int take_capsules(void) {
  int count = 0;
  for (;;) {
    uint64_t type, length;
    const uint8_t *at = input + input_at;
    size_t size = input_end - input_at, first = varint(at, size, &type), second;
    if (first == 0 || (second = varint(at + first, size - first, &length)) == 0) break;
    if (size - first - second < length) break;
    if (type == 0) {
      count++;
      memcpy(scratch, at + first + second + 1, length - 1);
    }
    input_at += first + second + length;
  }
  memmove(input, input + input_at, input_end - input_at);
  input_end -= input_at;
  input_at = 0;
  return count;
}

/* @returns packets that came, one at least; 0 when none came in time */
static int receive_packets(void) {
  if (is_direct) {
    static uint8_t buffers[BATCH][2048];
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH];
    for (int index = 0; index < BATCH; index++) {
      pieces[index] = (struct iovec){buffers[index], sizeof buffers[index]};
      messages[index] = (struct mmsghdr){.msg_hdr = {.msg_iov = &pieces[index], .msg_iovlen = 1}};
    }
    int count = recvmmsg(way.fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (count > 0) memcpy(scratch, buffers[count - 1], sizeof buffers[0]);
    return count > 0 ? count : 0;
  }
  for (;;) {
    ssize_t count = link_read(&way, input + input_end, sizeof input - input_end);
    if (count == IO_ENDED) die("the way ended early");
    if (count == IO_BLOCKED) return 0;
    input_end += (size_t)count;
    int packets = take_capsules();
    if (packets > 0) return packets;
  }
}

static double *samples;
static size_t sample_count;

static uint64_t measure_latency(double end, uint64_t *sent) {
  for (int round = -UNCOUNTED; now() < end; round++) {
    double start = now();
    send_packets(1);
    bool came = receive_packets() > 0;
    if (round < 0) continue;
    (*sent)++;
    if (came && sample_count < MAX_SAMPLES) samples[sample_count++] = now() - start;
  }
  return sample_count;
}

static uint64_t measure_rate(double end, uint64_t *sent) {
  uint64_t received = 0;
  send_packets(WINDOW);
  *sent = WINDOW;
  while (now() < end) {
    int count = receive_packets();
    received += (uint64_t)count;
    /* Every packet under way was lost: begin anew. */
    int more = count == 0 ? WINDOW : count;
    send_packets(more);
    *sent += (uint64_t)more;
  }
  return received;
}

static uint64_t report(void) {
  make_packet(UDP_REPORT);
  uint64_t counted;
  do send_packets(1);
  while (receive_packets() == 0);
  memcpy(&counted, scratch + 8, sizeof counted);
  while (receive_packets() > 0);
  return counted;
}

static uint64_t measure_one_way(double end, uint64_t *sent) {
  make_packet(UDP_COUNT);
  for (; now() < end; *sent += BATCH) send_packets(BATCH);
  return report();
}

void run_udp(void) {
  if (options.size < 16 || options.size > MAX_SIZE) die("a packet has 16 to %d bytes", MAX_SIZE);
  open_way();
  make_packet(UDP_ECHO);
  samples = calloc(MAX_SAMPLES, sizeof *samples);
  bool is_latency = strcmp(options.kind, "udpLatency") == 0, is_rate = strcmp(options.kind, "udpRate") == 0;
  puts("ready");
  fflush(stdout);
  wait_for_line();
  double cpu = cpu_seconds(), start = now(), end = start + options.max_ms / 1000.0;
  uint64_t sent = 0;
  uint64_t count = is_latency ? measure_latency(end, &sent)
                   : is_rate  ? measure_rate(end, &sent)
                              : measure_one_way(end, &sent);
  cpu = cpu_seconds() - cpu;
  double lost = sent > count ? (double)(sent - count) / (double)sent : 0;
  printf("{\"seconds\":%.9f,\"loadCpuSeconds\":%.6f,\"count\":%llu,\"lost\":%.6f,\"p50\":%.1f,\"p99\":%.1f}\n", end - start, cpu,
         (unsigned long long)count, lost, percentile(samples, sample_count, 0.5) * 1e6,
         percentile(samples, sample_count, 0.99) * 1e6);
}
