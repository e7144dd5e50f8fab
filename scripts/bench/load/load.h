/* What the files of the load program share. service.c and protocol.ts say what the service can be asked for. */
#ifndef LOAD_H
#define LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum mode { MODE_DOWNLOAD = 1, MODE_UPLOAD, MODE_ECHO, MODE_TWO_WRITES };

#define REQUEST_BYTES 9
#define BUFFER_BYTES (256 * 1024)

/* A byte stream: TCP, or TLS over it when `ssl` is set. */
struct link {
  int fd;
  SSL *ssl;
};

enum io { IO_BLOCKED = -1, IO_ENDED = -2 };

/* Bytes moved (more than none), or one of `enum io`. */
ssize_t link_read(struct link *link, void *into, size_t size);
ssize_t link_write(struct link *link, const void *from, size_t size);
void link_close(struct link *link);

/* What is asked of the program. Texts are `NULL` when absent. */
struct options {
  const char *kind;
  int port;
  const char *ca;        /* authorities to verify the server with; without: no TLS */
  const char *cert, *key; /* of the client, or of the service */
  const char *authority; /* to CONNECT to */
  const char *header;    /* a field for CONNECT: NAME: VALUE */
  const char *udp;       /* HOST/PORT of CONNECT-UDP */
  bool http2, resume;
  int streams, concurrency, count, size;
  int rounds, max_ms;
  uint64_t bytes;
};

extern struct options options;
/* Zeroes to send, and room for what is thrown away. */
extern uint8_t zeroes[BUFFER_BYTES], scratch[BUFFER_BYTES];

_Noreturn void die(const char *format, ...);
double now(void);
double cpu_seconds(void);
/* The value below which a share of the numbers lies; sorts them. */
double percentile(double *numbers, size_t count, double share);
SSL_CTX *client_context(const char *alpn);
int listen_on_loopback(int type, int *port);
int connect_to(int port, bool blocking);
void no_delay(int fd);
void wait_for_end_of_input(void);
void wait_for_line(void);

void run_service(void);
void run_udp(void);
void run_tunnels(void);

/* A way to the service, as tunnels.c drives it and http2.c carries it. */
struct tunnel {
  struct conn *conn;
  int32_t stream; /* of HTTP/2 */
  bool is_closing;
  uint8_t small[16]; /* what is sent first */
  size_t small_at, small_end;
  uint64_t to_send;    /* zeroes after that */
  uint64_t to_receive; /* until there is something to do */
  double started;
};

struct h2;

struct conn {
  struct link link;
  enum { CONNECTING, HANDSHAKING, ASKING, ANSWERING, CARRYING } phase;
  bool wants_write; /* as epoll was last told */
  struct tunnel *tunnel; /* the only one, without HTTP/2 */
  struct h2 *h2;
  char *head; /* the request, then the answer */
  size_t head_at, head_end;
};

bool has_output(const struct tunnel *tunnel);
/* What is to be sent next, at most `size` bytes; told of with `tunnel_sent`. */
size_t next_output(const struct tunnel *tunnel, const uint8_t **from, size_t size);
void tunnel_sent(struct tunnel *tunnel, size_t count);
void tunnel_opened(struct tunnel *tunnel);
void tunnel_received(struct tunnel *tunnel, size_t count);

void h2_start(struct conn *conn);
void h2_open(struct conn *conn, struct tunnel *tunnel);
void h2_close(struct conn *conn, struct tunnel *tunnel);
/* There is something to send on a tunnel that had nothing. */
void h2_resume(struct conn *conn, struct tunnel *tunnel);
void h2_received(struct conn *conn, const uint8_t *from, size_t size);
/* @returns whether all is sent */
bool h2_flush(struct conn *conn);

#endif
