/*
 * The load of the benchmarks, and the service that it reaches. `load KIND [--OPTION VALUE]...`, started by load.ts, which
 * says what there is. Prints `ready` and waits for a line of input when it is about to begin; then prints what came of it as
 * one line of JSON. A header to send stands in the variable LOAD_HEADER, as arguments are for everybody to see.
 */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

struct options options = {.streams = 1, .concurrency = 8, .count = 1, .size = 1200, .rounds = 10000, .max_ms = 3000};

enum { PORT, CA, CERT, KEY, AUTHORITY, UDP, HTTP2, RESUME, STREAMS, CONCURRENCY, COUNT, SIZE, ROUNDS, MAX_MS, BYTES };

static const struct option KNOWN[] = {
    {"port", required_argument, NULL, PORT},
    {"ca", required_argument, NULL, CA},
    {"cert", required_argument, NULL, CERT},
    {"key", required_argument, NULL, KEY},
    {"authority", required_argument, NULL, AUTHORITY},
    {"udp", required_argument, NULL, UDP},
    {"http2", no_argument, NULL, HTTP2},
    {"resume", no_argument, NULL, RESUME},
    {"streams", required_argument, NULL, STREAMS},
    {"concurrency", required_argument, NULL, CONCURRENCY},
    {"count", required_argument, NULL, COUNT},
    {"size", required_argument, NULL, SIZE},
    {"rounds", required_argument, NULL, ROUNDS},
    {"max-ms", required_argument, NULL, MAX_MS},
    {"bytes", required_argument, NULL, BYTES},
    {0},
};

static void read_option(int option) {
  switch (option) {
    case PORT: options.port = atoi(optarg); break;
    case CA: options.ca = optarg; break;
    case CERT: options.cert = optarg; break;
    case KEY: options.key = optarg; break;
    case AUTHORITY: options.authority = optarg; break;
    case UDP: options.udp = optarg; break;
    case HTTP2: options.http2 = true; break;
    case RESUME: options.resume = true; break;
    case STREAMS: options.streams = atoi(optarg); break;
    case CONCURRENCY: options.concurrency = atoi(optarg); break;
    case COUNT: options.count = atoi(optarg); break;
    case SIZE: options.size = atoi(optarg); break;
    case ROUNDS: options.rounds = atoi(optarg); break;
    case MAX_MS: options.max_ms = atoi(optarg); break;
    case BYTES: options.bytes = strtoull(optarg, NULL, 10); break;
    default: die("the options were not understood");
  }
}

int main(int argc, char **argv) {
  if (argc < 2) die("a kind of load is needed");
  options.kind = argv[1];
  options.header = getenv("LOAD_HEADER");
  optind = 2;
  for (int option; (option = getopt_long(argc, argv, "", KNOWN, NULL)) != -1;) read_option(option);
  signal(SIGPIPE, SIG_IGN);
  if (strcmp(options.kind, "service") == 0) run_service();
  else if (strncmp(options.kind, "udp", 3) == 0) run_udp();
  else run_tunnels();
  return 0;
}
