import { expect, it } from "vitest";
import { forwardArgument, localAddressOf } from "../../../lib/ssh/tui/_forward_argument.ts";

it.each([
  ["http://localhost:8080", "localhost:8080"],
  ["http://localhost/path", "localhost:80"],
  ["h2c://10.0.0.1:8079/", "10.0.0.1:8079"],
  ["https://[::1]", "[::1]:443"],
  ["ssh://box", "box:22"],
  ["tcp://box", ""],
  ["", ""],
])("localAddressOf(%j) is %j", (to, expected) => expect(localAddressOf(to)).toBe(expected));

it.each([
  ["https://a.example.com", "localhost:80", "-R a.example.com:443:localhost:80"],
  ["https://a.example.com:8443", "localhost:80", "-R a.example.com:443:localhost:80"],
  ["ssh://box", "[::1]:22", "-R box:22:[::1]:22"],
  ["tcp+https://redis.example.com:6379", "localhost:6379", "-R redis.example.com:6379:localhost:6379"],
  [
    "tcp+https://gateway.example.com:8443/redis.internal:6379",
    "localhost:1",
    "-R redis.internal:6379:localhost:1",
  ],
  ["tcp+https://redis.example.com", "localhost:6379", null],
  ["udp+https://dns.example.com:53", "localhost:53", null],
  ["https://a.example.com", "localhost", null],
  ["https://a.example.com", "localhost:0", null],
  ["https://a.example.com", "localhost:65536", null],
  ["https://a.example.com", "local host:80", null],
])("forwardArgument(%j, %j) is %j", (remote, local, expected) => {
  expect(forwardArgument(remote, local)).toBe(expected);
});
