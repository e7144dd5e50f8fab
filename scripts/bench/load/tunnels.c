/* The load on TCP tunnels: opens them, and moves bytes through them. One thread, one epoll. */
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define HEAD_BYTES 8192
#define MAX_SESSIONS 1024
/* HTTP/2 streams of one connection, when many are held. */
#define STREAMS_EACH 100
/* A fresh connection is acknowledged at once for a while, which hides what comes later. */
#define UNCOUNTED_ROUNDS 30

static int poller;
static SSL_CTX *tls;
static SSL_SESSION *sessions[MAX_SESSIONS];
static int session_count, resumed;

static bool is_bulk, is_upload, is_openings, is_hold, is_two_writes;
static struct tunnel **tunnels; /* of a bulk transfer */
static int wanted, opening, opened, done;
static bool is_running;
static double started, cpu_before, *seconds;
static int rounds;

static void open_next(struct conn *conn);

static int keep_session(SSL *ssl, SSL_SESSION *session) {
  (void)ssl;
  if (!options.resume || session_count == MAX_SESSIONS) return 0;
  sessions[session_count++] = session;
  return 1;
}

static void watch(struct conn *conn, int how, bool wants_write) {
  struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = conn};
  epoll_ctl(poller, how, conn->link.fd, &event);
  conn->wants_write = wants_write;
}

static struct tunnel *new_tunnel(struct conn *conn) {
  struct tunnel *tunnel = calloc(1, sizeof *tunnel);
  tunnel->conn = conn;
  tunnel->started = now();
  opening++;
  return tunnel;
}

static struct conn *new_conn(void) {
  struct conn *conn = calloc(1, sizeof *conn);
  conn->link.fd = connect_to(options.port, false);
  if (!options.http2) conn->tunnel = new_tunnel(conn);
  watch(conn, EPOLL_CTL_ADD, true);
  return conn;
}

static void free_conn(struct conn *conn) {
  link_close(&conn->link);
  free(conn->tunnel);
  free(conn->head);
  free(conn);
}

bool has_output(const struct tunnel *tunnel) {
  return tunnel->small_at < tunnel->small_end || tunnel->to_send > 0;
}

size_t next_output(const struct tunnel *tunnel, const uint8_t **from, size_t size) {
  size_t small = tunnel->small_end - tunnel->small_at;
  *from = small > 0 ? tunnel->small + tunnel->small_at : zeroes;
  uint64_t left = small > 0 ? small : tunnel->to_send;
  return left < size ? (size_t)left : size;
}

void tunnel_sent(struct tunnel *tunnel, size_t count) {
  if (tunnel->small_at < tunnel->small_end) tunnel->small_at += count;
  else tunnel->to_send -= count;
}

static void ask(struct tunnel *tunnel, enum mode mode, uint64_t count) {
  tunnel->small_at = 0;
  tunnel->small_end = REQUEST_BYTES;
  tunnel->small[0] = (uint8_t)mode;
  for (int index = 0; index < 8; index++) tunnel->small[1 + index] = (uint8_t)(count >> (8 * (7 - index)));
}

static void ping(struct tunnel *tunnel) {
  tunnel->started = now();
  if (!has_output(tunnel)) tunnel->small_at = tunnel->small_end = 0;
  tunnel->small[tunnel->small_end++] = 0;
  tunnel->to_receive = is_two_writes ? 2 : 1;
}

static void ready(void) {
  puts("ready");
  fflush(stdout);
  wait_for_line();
  is_running = true;
  cpu_before = cpu_seconds();
  started = now();
}

static bool flush(struct conn *conn);

static void start_bulk(void) {
  ready();
  uint64_t each = options.bytes / (uint64_t)wanted;
  for (int index = 0; index < wanted; index++) {
    struct tunnel *tunnel = tunnels[index];
    ask(tunnel, is_upload ? MODE_UPLOAD : MODE_DOWNLOAD, each);
    tunnel->to_send = is_upload ? each : 0;
    tunnel->to_receive = is_upload ? 1 : each;
    if (tunnel->conn->h2 != NULL) h2_resume(tunnel->conn, tunnel);
    flush(tunnel->conn);
  }
}

void tunnel_opened(struct tunnel *tunnel) {
  if (is_bulk) {
    tunnels[opened++] = tunnel;
    if (opened == wanted) start_bulk();
    return;
  }
  opened++;
  ask(tunnel, is_two_writes ? MODE_TWO_WRITES : MODE_ECHO, 0);
  if (!is_openings && !is_hold) {
    ready();
    ping(tunnel);
  } else {
    tunnel->small[tunnel->small_end++] = 0;
    tunnel->to_receive = 1;
  }
  if (tunnel->conn->h2 != NULL) h2_resume(tunnel->conn, tunnel);
}

static void round_over(struct tunnel *tunnel) {
  double time = now();
  if (rounds++ >= UNCOUNTED_ROUNDS) seconds[done++] = time - tunnel->started;
  if (done == wanted || (time - started) * 1000 > options.max_ms) {
    wanted = done;
    return;
  }
  ping(tunnel);
  if (tunnel->conn->h2 != NULL) h2_resume(tunnel->conn, tunnel);
}

void tunnel_received(struct tunnel *tunnel, size_t count) {
  if (count > tunnel->to_receive) die("the service said more than it was asked for");
  tunnel->to_receive -= count;
  if (tunnel->to_receive > 0) return;
  if (is_bulk) {
    done++;
  } else if (is_openings || is_hold) {
    seconds[done++] = now() - tunnel->started;
    if (is_openings && tunnel->conn->h2 != NULL) h2_close(tunnel->conn, tunnel);
    if (opening < wanted) open_next(tunnel->conn);
  } else round_over(tunnel);
}

/* Another tunnel: on the same connection with HTTP/2, unless that has many. */
static void open_next(struct conn *conn) {
  bool is_full = is_hold && opening % STREAMS_EACH == 0;
  if (conn->h2 != NULL && !is_full) h2_open(conn, new_tunnel(conn));
  else new_conn();
}

static void begin_tls(struct conn *conn) {
  conn->link.ssl = SSL_new(tls);
  SSL_set_fd(conn->link.ssl, conn->link.fd);
  SSL_set_tlsext_host_name(conn->link.ssl, "localhost");
  SSL_set1_host(conn->link.ssl, "localhost");
  if (session_count > 0) {
    SSL_SESSION *session = sessions[--session_count];
    SSL_set_session(conn->link.ssl, session);
    SSL_SESSION_free(session);
  }
  SSL_set_connect_state(conn->link.ssl);
}

/* @returns whether the handshake is over */
static bool shake_hands(struct conn *conn) {
  ERR_clear_error();
  int result = SSL_do_handshake(conn->link.ssl);
  if (result == 1) {
    resumed += SSL_session_reused(conn->link.ssl);
    return true;
  }
  int why = SSL_get_error(conn->link.ssl, result);
  if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) die("the handshake failed: %s", strerror(errno));
  return false;
}

static void compose_head(struct conn *conn) {
  conn->head = malloc(HEAD_BYTES);
  const char *field = options.header == NULL ? "" : options.header;
  int length = snprintf(conn->head, HEAD_BYTES, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n", options.authority,
                        options.authority, field, *field == 0 ? "" : "\r\n");
  if (length >= HEAD_BYTES) die("the request is too long");
  conn->head_end = (size_t)length;
}

static bool write_head(struct conn *conn) {
  ssize_t count = link_write(&conn->link, conn->head + conn->head_at, conn->head_end - conn->head_at);
  if (count == IO_ENDED) die("the connection ended before CONNECT");
  if (count > 0) conn->head_at += (size_t)count;
  bool is_written = conn->head_at == conn->head_end;
  if (is_written) conn->head_end = 0;
  return is_written;
}

/* The service never speaks first, so nothing that belongs to the tunnel is read here. */
static bool read_head(struct conn *conn) {
  ssize_t count = link_read(&conn->link, conn->head + conn->head_end, HEAD_BYTES - 1 - conn->head_end);
  if (count == IO_ENDED) die("CONNECT was not answered");
  if (count == IO_BLOCKED) return false;
  conn->head_end += (size_t)count;
  conn->head[conn->head_end] = 0;
  if (strstr(conn->head, "\r\n\r\n") == NULL) return false;
  if (strncmp(conn->head, "HTTP/1.", 7) != 0 || strncmp(conn->head + 8, " 200", 4) != 0) {
    die("CONNECT was answered with %.60s", conn->head);
  }
  free(conn->head);
  conn->head = NULL;
  return true;
}

static void begin_carrying(struct conn *conn) {
  conn->phase = CARRYING;
  if (!options.http2) {
    tunnel_opened(conn->tunnel);
    return;
  }
  const uint8_t *protocol;
  unsigned length;
  SSL_get0_alpn_selected(conn->link.ssl, &protocol, &length);
  if (length != 2) die("the server does not speak HTTP/2");
  h2_start(conn);
  int many = is_bulk ? wanted : is_openings ? options.concurrency : 1;
  if ((is_openings || is_hold) && !is_running) ready();
  for (int index = 0; index < many && opening < wanted; index++) h2_open(conn, new_tunnel(conn));
}

/* @returns whether all is sent */
static bool flush_tunnel(struct conn *conn) {
  while (has_output(conn->tunnel)) {
    const uint8_t *from;
    size_t size = next_output(conn->tunnel, &from, BUFFER_BYTES);
    ssize_t count = link_write(&conn->link, from, size);
    if (count == IO_ENDED) die("a tunnel ended early");
    if (count == IO_BLOCKED) return false;
    tunnel_sent(conn->tunnel, (size_t)count);
  }
  return true;
}

static bool flush(struct conn *conn) {
  bool is_flushed = conn->h2 != NULL ? h2_flush(conn) : flush_tunnel(conn);
  if (conn->wants_write == is_flushed) watch(conn, EPOLL_CTL_MOD, !is_flushed);
  return is_flushed;
}

static void carry(struct conn *conn) {
  for (;;) {
    flush(conn);
    if (done == wanted && !is_openings) return;
    ssize_t count = link_read(&conn->link, scratch, sizeof scratch);
    if (count == IO_BLOCKED) return;
    if (count == IO_ENDED) die("a tunnel ended early");
    if (conn->h2 != NULL) {
      h2_received(conn, scratch, (size_t)count);
      continue;
    }
    tunnel_received(conn->tunnel, (size_t)count);
    if (is_openings) {
      free_conn(conn);
      return;
    }
  }
}

static void step(struct conn *conn) {
  if (conn->phase == CONNECTING) {
    int error;
    getsockopt(conn->link.fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
    if (error != 0) die("cannot connect: %s", strerror(error));
    watch(conn, EPOLL_CTL_MOD, false);
    conn->phase = HANDSHAKING;
    if (tls != NULL) begin_tls(conn);
  }
  if (conn->phase == HANDSHAKING) {
    if (tls != NULL && !shake_hands(conn)) return;
    if (options.authority != NULL && !options.http2) {
      compose_head(conn);
      conn->phase = ASKING;
    } else begin_carrying(conn);
  }
  if (conn->phase == ASKING && write_head(conn)) conn->phase = ANSWERING;
  if (conn->phase == ANSWERING && read_head(conn)) begin_carrying(conn);
  if (conn->phase == CARRYING) carry(conn);
}

static void begin(void) {
  is_upload = strcmp(options.kind, "upload") == 0;
  is_bulk = is_upload || strcmp(options.kind, "download") == 0;
  is_openings = strcmp(options.kind, "openings") == 0;
  is_hold = strcmp(options.kind, "hold") == 0;
  is_two_writes = strcmp(options.kind, "twoWrites") == 0;
  wanted = is_bulk ? options.streams : is_openings || is_hold ? options.count : options.rounds;
  tunnels = calloc((size_t)wanted, sizeof *tunnels);
  seconds = calloc((size_t)wanted, sizeof *seconds);
  poller = epoll_create1(0);
  if (options.ca != NULL) {
    tls = client_context(options.http2 ? "h2" : "http/1.1");
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_default_read_buffer_len(tls, 128 * 1024);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(tls, keep_session);
  }
  bool is_repeated = is_openings || is_hold;
  if (is_repeated && !options.http2) ready();
  int conns = options.http2 ? 1 : is_repeated ? options.concurrency : is_bulk ? wanted : 1;
  for (int index = 0; index < conns && index < wanted; index++) new_conn();
}

void run_tunnels(void) {
  begin();
  struct epoll_event events[256];
  while (done < wanted) {
    int count = epoll_wait(poller, events, 256, 30000);
    if (count == 0) die("nothing has happened for 30 s: %d of %d are open, %d are done", opened, wanted, done);
    for (int index = 0; index < count && done < wanted; index++) step(events[index].data.ptr);
  }
  double elapsed = now() - started, cpu = cpu_seconds() - cpu_before;
  size_t samples = is_bulk ? 0 : (size_t)done, stalls = 0;
  for (size_t index = 0; index < samples; index++) stalls += seconds[index] > 0.02;
  printf("{\"seconds\":%.9f,\"loadCpuSeconds\":%.6f,\"count\":%d,\"resumed\":%d,\"stalled\":%.6f,\"p50\":%.1f,"
         "\"p99\":%.1f}\n", elapsed, cpu, done, resumed, samples == 0 ? 0 : (double)stalls / (double)samples, percentile(seconds, samples, 0.5) * 1e6,
         percentile(seconds, samples, 0.99) * 1e6);
  fflush(stdout);
  if (is_hold) wait_for_end_of_input();
}
