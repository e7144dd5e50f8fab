/* CONNECT over HTTP/2 (RFC 9113 section 8.5), by nghttp2. */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define OUT_BYTES (64 * 1024)
/* With its head, one TLS record. */
#define FRAME_BYTES (16384 - 9)
#define STREAM_WINDOW (4 << 20)
#define CONNECTION_WINDOW (16 << 20)

struct h2 {
  nghttp2_session *session;
  uint8_t out[OUT_BYTES];
  size_t out_at, out_end;
  const uint8_t *frame; /* what of nghttp2's has not found room in `out` */
  size_t frame_left;
};

static ssize_t read_data(nghttp2_session *session, int32_t stream, uint8_t *into, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user) {
  (void)session, (void)stream, (void)user;
  struct tunnel *tunnel = source->ptr;
  if (tunnel->is_closing) {
    *flags = NGHTTP2_DATA_FLAG_EOF;
    return 0;
  }
  if (!has_output(tunnel)) return NGHTTP2_ERR_DEFERRED;
  const uint8_t *from;
  size_t count = next_output(tunnel, &from, size);
  memcpy(into, from, count);
  tunnel_sent(tunnel, count);
  return (ssize_t)count;
}

static ssize_t frame_size(nghttp2_session *session, uint8_t type, int32_t stream, int32_t session_window,
                          int32_t stream_window, uint32_t max_frame, void *user) {
  (void)session, (void)type, (void)stream, (void)session_window, (void)stream_window, (void)max_frame, (void)user;
  return FRAME_BYTES;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags, void *user) {
  (void)flags, (void)user;
  if (frame->hd.type != NGHTTP2_HEADERS || name_size != 7 || memcmp(name, ":status", 7) != 0) return 0;
  if (value_size != 3 || memcmp(value, "200", 3) != 0) {
    die("CONNECT was answered with %.*s", (int)value_size, (const char *)value);
  }
  struct tunnel *tunnel = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (tunnel != NULL) tunnel_opened(tunnel);
  return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t size,
                   void *user) {
  (void)flags, (void)data, (void)user;
  struct tunnel *tunnel = nghttp2_session_get_stream_user_data(session, stream);
  if (tunnel != NULL) tunnel_received(tunnel, size);
  return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user) {
  (void)user;
  struct tunnel *tunnel = nghttp2_session_get_stream_user_data(session, stream);
  if (tunnel != NULL) die("a tunnel ended early, with code %u", code);
  return 0;
}

void h2_start(struct conn *conn) {
  struct h2 *h2 = conn->h2 = calloc(1, sizeof *h2);
  nghttp2_session_callbacks *callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, frame_size);
  nghttp2_session_client_new(&h2->session, callbacks, conn);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
                                       {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, 2);
  nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
}

static nghttp2_nv field(const char *name, size_t name_size, const char *value) {
  return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, name_size, strlen(value), NGHTTP2_NV_FLAG_NO_INDEX};
}

void h2_open(struct conn *conn, struct tunnel *tunnel) {
  nghttp2_nv fields[3] = {field(":method", 7, "CONNECT"), field(":authority", 10, options.authority)};
  size_t count = 2;
  if (options.header != NULL) {
    const char *colon = strchr(options.header, ':');
    if (colon == NULL) die("a header has the form NAME: VALUE");
    static char name[64];
    size_t size = (size_t)(colon - options.header);
    for (size_t index = 0; index < size && index < sizeof name; index++) name[index] = options.header[index] | 0x20;
    fields[count++] = field(name, size, colon + 2);
  }
  nghttp2_data_provider provider = {.source.ptr = tunnel, .read_callback = read_data};
  tunnel->stream = nghttp2_submit_request(conn->h2->session, NULL, fields, count, &provider, tunnel);
  if (tunnel->stream < 0) die("no stream: %s", nghttp2_strerror(tunnel->stream));
}

void h2_close(struct conn *conn, struct tunnel *tunnel) {
  nghttp2_session_set_stream_user_data(conn->h2->session, tunnel->stream, NULL);
  tunnel->is_closing = true;
  h2_resume(conn, tunnel);
}

void h2_resume(struct conn *conn, struct tunnel *tunnel) {
  nghttp2_session_resume_data(conn->h2->session, tunnel->stream);
}

void h2_received(struct conn *conn, const uint8_t *from, size_t size) {
  ssize_t count = nghttp2_session_mem_recv(conn->h2->session, from, size);
  if (count < 0) die("HTTP/2: %s", nghttp2_strerror((int)count));
}

/* Puts frames together, so that a write carries many. */
static void fill(struct h2 *h2) {
  h2->out_at = h2->out_end = 0;
  for (;;) {
    if (h2->frame_left == 0) {
      ssize_t count = nghttp2_session_mem_send(h2->session, &h2->frame);
      if (count < 0) die("HTTP/2: %s", nghttp2_strerror((int)count));
      if (count == 0) return;
      h2->frame_left = (size_t)count;
    }
    size_t room = OUT_BYTES - h2->out_end, piece = h2->frame_left < room ? h2->frame_left : room;
    memcpy(h2->out + h2->out_end, h2->frame, piece);
    h2->out_end += piece;
    h2->frame += piece;
    h2->frame_left -= piece;
    if (h2->out_end == OUT_BYTES) return;
  }
}

bool h2_flush(struct conn *conn) {
  struct h2 *h2 = conn->h2;
  for (;;) {
    if (h2->out_at == h2->out_end) fill(h2);
    if (h2->out_at == h2->out_end) return true;
    ssize_t count = link_write(&conn->link, h2->out + h2->out_at, h2->out_end - h2->out_at);
    if (count == IO_ENDED) die("the connection ended early");
    if (count == IO_BLOCKED) return false;
    h2->out_at += (size_t)count;
  }
}
