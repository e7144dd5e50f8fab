/* Sockets, TLS and numbers. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

uint8_t zeroes[BUFFER_BYTES], scratch[BUFFER_BYTES];

void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  ERR_print_errors_fp(stderr);
  exit(1);
}

double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double cpu_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

double percentile(double *numbers, size_t count, double share) {
  if (count == 0) return 0;
  qsort(numbers, count, sizeof *numbers, by_size);
  size_t rank = (size_t)(share * (double)count + 0.999999);
  return numbers[rank == 0 ? 0 : rank > count ? count - 1 : rank - 1];
}

static ssize_t outcome(struct link *link, int result) {
  switch (SSL_get_error(link->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return IO_BLOCKED;
    default:
      return IO_ENDED;
  }
}

ssize_t link_read(struct link *link, void *into, size_t size) {
  if (link->ssl != NULL) {
    ERR_clear_error();
    int result = SSL_read(link->ssl, into, (int)size);
    return result > 0 ? result : outcome(link, result);
  }
  ssize_t result = read(link->fd, into, size);
  return result > 0 ? result : result < 0 && errno == EAGAIN ? IO_BLOCKED : IO_ENDED;
}

ssize_t link_write(struct link *link, const void *from, size_t size) {
  if (link->ssl != NULL) {
    ERR_clear_error();
    int result = SSL_write(link->ssl, from, (int)size);
    return result > 0 ? result : outcome(link, result);
  }
  ssize_t result = send(link->fd, from, size, MSG_NOSIGNAL);
  return result > 0 ? result : result < 0 && errno == EAGAIN ? IO_BLOCKED : IO_ENDED;
}

void link_close(struct link *link) {
  if (link->ssl != NULL) {
    SSL_shutdown(link->ssl);
    SSL_free(link->ssl);
  }
  close(link->fd);
}

SSL_CTX *client_context(const char *alpn) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  /* One cipher and one group, so that every peer does the same work. */
  SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384");
  SSL_CTX_set1_groups_list(context, "X25519");
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  if (SSL_CTX_load_verify_locations(context, options.ca, NULL) != 1) die("the authorities cannot be read");
  if (options.cert != NULL && (SSL_CTX_use_certificate_chain_file(context, options.cert) != 1 ||
                               SSL_CTX_use_PrivateKey_file(context, options.key, SSL_FILETYPE_PEM) != 1)) {
    die("the certificate of the client cannot be read");
  }
  uint8_t wire[32];
  size_t length = strlen(alpn);
  wire[0] = (uint8_t)length;
  memcpy(wire + 1, alpn, length);
  SSL_CTX_set_alpn_protos(context, wire, (unsigned)length + 1);
  return context;
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int listen_on_loopback(int type, int *port) {
  int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) != 0) die("cannot bind: %s", strerror(errno));
  if (type == SOCK_STREAM && listen(fd, 4096) != 0) die("cannot listen: %s", strerror(errno));
  getsockname(fd, (struct sockaddr *)&address, &length);
  *port = ntohs(address.sin_port);
  return fd;
}

int connect_to(int port, bool blocking) {
  int fd = socket(AF_INET, SOCK_STREAM | (blocking ? 0 : SOCK_NONBLOCK), 0);
  if (fd < 0) die("no socket: %s", strerror(errno));
  struct sockaddr_in address = loopback(port);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
    die("cannot connect: %s", strerror(errno));
  }
  no_delay(fd);
  return fd;
}

void no_delay(int fd) {
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

void wait_for_end_of_input(void) {
  char buffer[64];
  while (read(0, buffer, sizeof buffer) > 0);
}

void wait_for_line(void) {
  char byte;
  while (read(0, &byte, 1) == 1 && byte != '\n');
}
