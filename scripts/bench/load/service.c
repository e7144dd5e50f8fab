/*
 * The service behind the tunnels: listens on loopback over TCP, over TLS, and on UDP; prints the ports as one line of JSON;
 * ends when its standard input does. A connection begins with a mode (`enum mode`) and a count of 64 bits in network order.
 * Never waits to fill a segment.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define PIECE_BYTES (128 * 1024)
#define UDP_BATCH 64
#define UDP_BYTES 2048

/* The first byte of a packet: any other comes back. */
enum { UDP_COUNT = 1, UDP_REPORT = 2 };

enum role { ROLE_TCP, ROLE_TLS, ROLE_UDP, ROLE_INPUT, ROLE_CLIENT };

struct client {
  enum role role;
  struct link link;
  bool is_handshaking, wants_write;
  uint8_t request[REQUEST_BYTES];
  size_t request_filled;
  uint64_t left; /* of a bulk transfer */
  size_t owed;   /* bytes of an answer that are not written */
};

static int poller;
static SSL_CTX *tls;
static uint64_t udp_counted;

static void watch(struct client *client, int how, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = client};
  epoll_ctl(poller, how, client->link.fd, &event);
}

static struct client *new_client(enum role role, int fd) {
  struct client *client = calloc(1, sizeof *client);
  client->role = role;
  client->link.fd = fd;
  watch(client, EPOLL_CTL_ADD, EPOLLIN);
  return client;
}

static void drop(struct client *client) {
  link_close(&client->link);
  free(client);
}

static void accept_all(struct client *listener) {
  for (int fd; (fd = accept4(listener->link.fd, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    no_delay(fd);
    struct client *client = new_client(ROLE_CLIENT, fd);
    if (listener->role != ROLE_TLS) continue;
    client->link.ssl = SSL_new(tls);
    SSL_set_fd(client->link.ssl, fd);
    SSL_set_accept_state(client->link.ssl);
    client->is_handshaking = true;
  }
}

/* @returns false when the connection is over */
static bool write_owed(struct client *client) {
  bool is_download = client->request[0] == MODE_DOWNLOAD;
  for (;;) {
    uint64_t wanted = is_download ? client->left : client->owed;
    if (wanted == 0) break;
    /* Two writes are two: what is owed goes a byte at a time. */
    size_t piece = !is_download ? 1 : wanted < PIECE_BYTES ? (size_t)wanted : PIECE_BYTES;
    ssize_t count = link_write(&client->link, zeroes, piece);
    if (count == IO_ENDED) return false;
    if (count == IO_BLOCKED) break;
    if (is_download) client->left -= (uint64_t)count;
    else client->owed -= (size_t)count;
  }
  bool wants = is_download ? client->left > 0 : client->owed > 0;
  if (wants != client->wants_write) watch(client, EPOLL_CTL_MOD, EPOLLIN | (wants ? EPOLLOUT : 0));
  client->wants_write = wants;
  return true;
}

static void take(struct client *client, size_t count) {
  switch (client->request[0]) {
    case MODE_UPLOAD:
      if (client->left > 0 && (client->left -= count < client->left ? count : client->left) == 0) client->owed = 1;
      break;
    case MODE_ECHO:
      client->owed += count;
      break;
    case MODE_TWO_WRITES:
      client->owed += 2 * count;
      break;
  }
}

/* @returns false when the connection is over */
static bool serve(struct client *client) {
  if (client->is_handshaking) {
    ERR_clear_error();
    int result = SSL_do_handshake(client->link.ssl);
    if (result != 1) {
      int why = SSL_get_error(client->link.ssl, result);
      return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    }
    client->is_handshaking = false;
  }
  for (;;) {
    ssize_t count = link_read(&client->link, scratch, sizeof scratch);
    if (count == IO_ENDED) return false;
    if (count == IO_BLOCKED) return write_owed(client);
    size_t head = 0;
    for (; head < (size_t)count && client->request_filled < REQUEST_BYTES; head++) {
      client->request[client->request_filled++] = scratch[head];
      if (client->request_filled < REQUEST_BYTES) continue;
      for (int index = 1; index < REQUEST_BYTES; index++) client->left = client->left << 8 | client->request[index];
    }
    if ((size_t)count > head) take(client, (size_t)count - head);
    if (!write_owed(client)) return false;
  }
}

static void answer_packets(int fd) {
  static uint8_t buffers[UDP_BATCH][UDP_BYTES];
  static struct sockaddr_in from[UDP_BATCH];
  struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
  struct iovec pieces[UDP_BATCH];
  for (;;) {
    for (int index = 0; index < UDP_BATCH; index++) {
      pieces[index] = (struct iovec){buffers[index], UDP_BYTES};
      in[index] = (struct mmsghdr){.msg_hdr = {.msg_name = &from[index],
                                               .msg_namelen = sizeof from[index],
                                               .msg_iov = &pieces[index],
                                               .msg_iovlen = 1}};
    }
    int count = recvmmsg(fd, in, UDP_BATCH, 0, NULL);
    if (count <= 0) return;
    unsigned answers = 0;
    for (int index = 0; index < count; index++) {
      pieces[index].iov_len = in[index].msg_len;
      if (in[index].msg_len > 0 && buffers[index][0] == UDP_COUNT) {
        udp_counted++;
        continue;
      }
      if (in[index].msg_len >= 16 && buffers[index][0] == UDP_REPORT) {
        memcpy(buffers[index] + 8, &udp_counted, sizeof udp_counted);
        udp_counted = 0;
      }
      out[answers++] = in[index];
    }
    for (unsigned sent = 0; sent < answers;) {
      int done = sendmmsg(fd, out + sent, answers - sent, 0);
      if (done <= 0) break;
      sent += (unsigned)done;
    }
  }
}

void run_service(void) {
  tls = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(tls, 1);
  SSL_CTX_set_default_read_buffer_len(tls, 128 * 1024);
  if (SSL_CTX_use_certificate_chain_file(tls, options.cert) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls, options.key, SSL_FILETYPE_PEM) != 1) {
    die("the certificate of the service cannot be read");
  }
  poller = epoll_create1(0);
  int tcp_port, tls_port, udp_port;
  new_client(ROLE_TCP, listen_on_loopback(SOCK_STREAM, &tcp_port));
  new_client(ROLE_TLS, listen_on_loopback(SOCK_STREAM, &tls_port));
  struct client *udp = new_client(ROLE_UDP, listen_on_loopback(SOCK_DGRAM, &udp_port));
  setsockopt(udp->link.fd, SOL_SOCKET, SO_RCVBUF, &(int){4 << 20}, sizeof(int));
  new_client(ROLE_INPUT, 0);
  printf("{\"tcp\":%d,\"tls\":%d,\"udp\":%d}\n", tcp_port, tls_port, udp_port);
  fflush(stdout);
  struct epoll_event events[256];
  for (;;) {
    int count = epoll_wait(poller, events, 256, -1);
    for (int index = 0; index < count; index++) {
      struct client *client = events[index].data.ptr;
      if (client->role == ROLE_INPUT) {
        if (read(0, scratch, sizeof scratch) <= 0) exit(0);
      } else if (client->role == ROLE_UDP) answer_packets(client->link.fd);
      else if (client->role != ROLE_CLIENT) accept_all(client);
      else if (!serve(client)) drop(client);
    }
  }
}
