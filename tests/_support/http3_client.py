"""An HTTP/3 client made of aioquic. Arguments: port, file of the authority, command, argument, token.

Commands: get PATH, tcp DESTINATION, udp PATH, reset COUNT, and, by way of an HTTP route, post URL and websocket URL. What
came is printed as one JSON object.
"""
import asyncio
import json
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, DatagramReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # It says that it takes datagrams only together with that.
        self.http = H3Connection(self._quic, enable_webtransport=True)
        self.queue = asyncio.Queue()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.queue.put_nowait(event)
        for made in self.http.handle_event(event):
            self.queue.put_nowait(made)

    def request(self, fields, end_stream=False):
        stream_id = self._quic.get_next_available_stream_id()
        self.http.send_headers(stream_id, [(k.encode(), v.encode()) for k, v in fields], end_stream)
        self.transmit()
        return stream_id

    async def head(self):
        while True:
            event = await self.queue.get()
            if isinstance(event, ConnectionTerminated):
                raise SystemExit(f"closed: {event.error_code} {event.reason_phrase}")
            if isinstance(event, HeadersReceived):
                return {k.decode(): v.decode() for k, v in event.headers}, event.stream_ended

    async def body(self):
        data = b""
        while True:
            event = await self.queue.get()
            if isinstance(event, DataReceived):
                data += event.data
                if event.stream_ended:
                    return data.decode()


async def get(client, authority, path, auth):
    client.request(
        [(":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", path), *auth], True
    )
    head, ended = await client.head()
    return {"head": head, "body": "" if ended else await client.body()}


async def tcp(client, authority, destination, auth):
    stream_id = client.request([(":method", "CONNECT"), (":authority", destination), *auth])
    head, ended = await client.head()
    if head[":status"] != "200":
        return {"head": head, "body": "" if ended else await client.body()}
    client.http.send_data(stream_id, b"hello over aioquic", True)
    client.transmit()
    return {"head": head, "body": await client.body()}


async def udp(client, authority, path, auth):
    stream_id = client.request(
        [
            (":method", "CONNECT"), (":protocol", "connect-udp"), (":scheme", "https"),
            (":authority", authority), (":path", path), ("capsule-protocol", "?1"), *auth,
        ]
    )
    head, ended = await client.head()
    if head[":status"] != "200":
        return {"head": head, "body": "" if ended else await client.body()}
    got = []
    for size in (0, 1, 512, 1100):
        client.http.send_datagram(stream_id, b"\x00" + b"x" * size)
        client.transmit()
        while True:
            event = await client.queue.get()
            if isinstance(event, DatagramReceived):
                got.append([event.stream_id == stream_id, event.data[0], len(event.data) - 1])
                break
    return {"head": head, "datagrams": got}


def split(url):
    authority, slash, path = url.removeprefix("https://").partition("/")
    return authority, slash + path


async def post(client, authority, url, auth):
    """Sends a body in pieces and trailers, and reads those of the answer."""
    authority, path = split(url)
    stream_id = client.request(
        [(":method", "POST"), (":scheme", "https"), (":authority", authority), (":path", path), *auth]
    )
    for i in range(100):
        client.http.send_data(stream_id, b"%08d" % i * 1000, False)
        client.transmit()
    client.http.send_headers(stream_id, [(b"x-sent", b"yes")], True)
    client.transmit()
    head, ended = await client.head()
    body, trailers = b"", {}
    while not ended:
        event = await client.queue.get()
        ended = event.stream_ended
        if isinstance(event, DataReceived):
            body += event.data
        else:
            trailers = {k.decode(): v.decode() for k, v in event.headers}
    return {"head": head, "body": body.decode(), "trailers": trailers}


async def websocket(client, authority, url, auth):
    """Opens a WebSocket (RFC 9220), sends one text frame, and reads the one that comes back."""
    authority, path = split(url)
    stream_id = client.request(
        [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"),
            (":authority", authority), (":path", path), ("sec-websocket-version", "13"), *auth,
        ]
    )
    head, ended = await client.head()
    if head[":status"] != "200":
        return {"head": head, "body": "" if ended else await client.body()}
    mask, text = b"\x01\x02\x03\x04", b"hello over aioquic"
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))
    client.http.send_data(stream_id, bytes([0x81, 0x80 | len(text)]) + mask + masked, False)
    client.transmit()
    data = b""
    while len(data) < 2 or len(data) < 2 + data[1]:
        event = await client.queue.get()
        data += event.data
    return {"head": head, "body": data[2:].decode()}


async def reset(client, authority, count, auth):
    for i in range(int(count)):
        while client._quic._remote_max_streams_bidi * 4 <= client._quic.get_next_available_stream_id():
            await asyncio.sleep(0.001)
        stream_id = client.request(
            [(":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", "/ping"), *auth]
        )
        client._quic.reset_stream(stream_id, ErrorCode.H3_REQUEST_CANCELLED)
        client._quic.stop_stream(stream_id, ErrorCode.H3_REQUEST_CANCELLED)
        client.transmit()
    while not client.queue.empty():
        client.queue.get_nowait()
    return await get(client, authority, "/ping", auth)


COMMANDS = {"get": get, "tcp": tcp, "udp": udp, "reset": reset, "post": post, "websocket": websocket}


async def main(port, ca, command, argument, token=""):
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=H3_ALPN, server_name="localhost", max_datagram_frame_size=65536,
        verify_mode=ssl.CERT_REQUIRED,
    )
    configuration.load_verify_locations(ca)
    auth = [("authorization", f"Pomerium {token}")] if token else []
    async with connect("127.0.0.1", int(port), configuration=configuration, create_protocol=Client) as client:
        result = await asyncio.wait_for(COMMANDS[command](client, f"localhost:{port}", argument, auth), 15)
    settings = client.http.received_settings
    result["settings"] = {} if settings is None else {str(int(k)): v for k, v in settings.items()}
    print(json.dumps(result))


asyncio.run(main(*sys.argv[1:]))
