// Load over raw sockets with requests that were made beforehand: one thread, epoll, no Kafka
// library, answers are framed and looked at but not decoded. It is written in C so that the
// generator is never what is measured.
//
//   load HOST PORT FRAMES [--connections N] [--in-flight N] [--requests N]
//     A closed loop. FRAMES is a file of requests one behind the other, each with its length in
//     front; connection c sends request (c + sent) modulo their number, so that connections follow
//     each other through them; with --in-turn 1 each request is the next of all, whichever
//     connection sends it. Without --requests it goes on until standard input ends. With --once 1
//     each connection sends one request and is then held, saying nothing.
//   load HOST PORT FRAMES --tail RATE --requests N --base-offset N
//        --offset-at N --records-at N
//     The first request produces one record, RATE times a second; the second fetches, and waits
//     for, what comes from the offset at --offset-at in it on; batches stand at --records-at in its
//     answer. Latency is from the moment a record was due to be sent until the consumer has it.
//
// Answers are checked for an error code at --error-at and for --size-min bytes.
// Prints "ready" when all connections are there, and one line of JSON at the end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_SIZE = 128, READ_SIZE = 256 * 1024, IN_FLIGHT_MAX = 64 };

struct frame {
  const uint8_t *bytes;
  size_t size;
};

struct connection {
  int fd;
  bool wants_write;
  uint32_t index;
  uint64_t sent;
  // The request that is being written: -1 when none is.
  int64_t writing;
  size_t written;
  // Requests that may be sent now.
  int due;
  uint64_t started_ns[IN_FLIGHT_MAX];
  uint32_t first_started, started_count;
  // The answer that is being read.
  uint8_t head[HEAD_SIZE];
  size_t received, total;
};

static struct frame *frames;
static size_t frame_count;
static uint64_t request_count = UINT64_MAX, sent_count, answered_count, answered_size;
static long error_at = -1;
static bool is_in_turn, is_once;
static size_t size_min;
static uint32_t *latencies_us10; // tenths of a microsecond
static size_t latency_count, latency_room;
static uint8_t *scratch;
static int poller;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint32_t u32_at(const uint8_t *b) {
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint64_t u64_at(const uint8_t *b) { return (uint64_t)u32_at(b) << 32 | u32_at(b + 4); }

static void put_u64(uint8_t *b, uint64_t value) {
  for (int i = 7; i >= 0; i--, value >>= 8) b[i] = (uint8_t)value;
}

static void note_latency(uint64_t ns) {
  if (latency_count == latency_room) {
    latency_room = latency_room == 0 ? 1 << 16 : latency_room * 2;
    latencies_us10 = realloc(latencies_us10, latency_room * sizeof *latencies_us10);
    if (latencies_us10 == NULL) die("latencies");
  }
  uint64_t tenths = ns / 100;
  latencies_us10[latency_count++] = tenths > UINT32_MAX ? UINT32_MAX : (uint32_t)tenths;
}

static void load_frames(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) die(path);
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(size);
  if (bytes == NULL || fread(bytes, 1, size, file) != size) die(path);
  fclose(file);
  for (size_t at = 0; at + 4 <= size;) {
    size_t length = 4 + (size_t)u32_at(bytes + at);
    frames = realloc(frames, (frame_count + 1) * sizeof *frames);
    frames[frame_count++] = (struct frame){bytes + at, length};
    at += length;
  }
}

static int connect_to(const char *host, int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1) die("address");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

static void watch(struct connection *c, bool wants_write, int operation) {
  c->wants_write = wants_write;
  struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = c};
  if (epoll_ctl(poller, operation, c->fd, &event) != 0) die("epoll_ctl");
}

// Sends what is due, as far as the socket takes it.
static void send_due(struct connection *c) {
  for (;;) {
    if (c->writing < 0) {
      if (c->due == 0 || sent_count == request_count) break;
      c->due--;
      uint64_t turn = is_in_turn ? sent_count : c->index + c->sent;
      c->writing = (int64_t)(turn % frame_count);
      c->written = 0;
      c->sent++;
      sent_count++;
      c->started_ns[(c->first_started + c->started_count++) % IN_FLIGHT_MAX] = now_ns();
    }
    struct frame *f = &frames[c->writing];
    ssize_t size = send(c->fd, f->bytes + c->written, f->size - c->written, MSG_NOSIGNAL);
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0) die("send");
    c->written += (size_t)size;
    if (c->written == f->size) c->writing = -1;
  }
  if ((c->writing >= 0) != c->wants_write) watch(c, c->writing >= 0, EPOLL_CTL_MOD);
}

static void check_answer(struct connection *c) {
  if (error_at >= 0) {
    int code = (int16_t)(c->head[error_at] << 8 | c->head[error_at + 1]);
    if (code != 0) {
      fprintf(stderr, "load: answered with error %d\n", code);
      exit(1);
    }
  }
  if (c->total < size_min) {
    fprintf(stderr, "load: an answer of only %zu bytes\n", c->total);
    exit(1);
  }
}

static void on_answer(struct connection *c) {
  check_answer(c);
  note_latency(now_ns() - c->started_ns[c->first_started]);
  c->first_started = (c->first_started + 1) % IN_FLIGHT_MAX;
  c->started_count--;
  answered_count++;
  answered_size += c->total;
  if (!is_once) c->due++;
}

static void receive(struct connection *c) {
  ssize_t size = recv(c->fd, scratch, READ_SIZE, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size < 0) die("recv");
  if (size == 0) {
    fprintf(stderr, "load: the broker closed a connection\n");
    exit(1);
  }
  for (size_t at = 0; at < (size_t)size;) {
    size_t wanted = (c->received < 4 ? 4 : c->total) - c->received;
    size_t taken = wanted < (size_t)size - at ? wanted : (size_t)size - at;
    if (c->received < HEAD_SIZE) {
      size_t room = HEAD_SIZE - c->received;
      memcpy(c->head + c->received, scratch + at, taken < room ? taken : room);
    }
    c->received += taken;
    at += taken;
    if (c->received == 4) c->total = 4 + (size_t)u32_at(c->head);
    if (c->received > 4 && c->received == c->total) {
      c->received = 0;
      on_answer(c);
    }
  }
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static double percentile_ms(double share) {
  if (latency_count == 0) return 0;
  size_t at = (size_t)(share * (double)latency_count);
  return latencies_us10[at >= latency_count ? latency_count - 1 : at] / 10000.0;
}

static void report(uint64_t started_ns) {
  double elapsed_ms = (double)(now_ns() - started_ns) / 1e6;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu_ms = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
  qsort(latencies_us10, latency_count, sizeof *latencies_us10, by_value);
  printf("{\"elapsedMs\":%.3f,\"answers\":%" PRIu64 ",\"answeredSize\":%" PRIu64
         ",\"p50Ms\":%.4f,\"p99Ms\":%.4f,\"maxMs\":%.4f,\"ownCpuMs\":%.1f}\n",
         elapsed_ms, answered_count, answered_size, percentile_ms(0.5), percentile_ms(0.99),
         percentile_ms(1), cpu_ms);
}

// Standard input is watched with no connection behind it: its end is the end of the load.
static bool input_ended(void) {
  char bytes[64];
  ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
  return size == 0;
}

static void run_loop(const char *host, int port, uint32_t connection_count, int in_flight) {
  struct connection *all = calloc(connection_count, sizeof *all);
  if (all == NULL) die("connections");
  for (uint32_t i = 0; i < connection_count; i++) {
    all[i] = (struct connection){.index = i, .writing = -1, .due = in_flight};
    all[i].fd = connect_to(host, port);
    watch(&all[i], false, EPOLL_CTL_ADD);
    // Apache Kafka lets 50 connections wait to be accepted; what comes on top would be lost.
    if (i % 32 == 31) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  if (request_count == UINT64_MAX) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) die("standard input");
  }
  uint64_t started_ns = now_ns();
  for (uint32_t i = 0; i < connection_count; i++) send_due(&all[i]);
  printf("ready\n");
  fflush(stdout);
  struct epoll_event events[256];
  while (answered_count < request_count) {
    int count = epoll_wait(poller, events, 256, -1);
    for (int i = 0; i < count; i++) {
      struct connection *c = events[i].data.ptr;
      if (c == NULL) {
        if (!input_ended()) continue;
        return report(started_ns);
      }
      if (events[i].events & ~(uint32_t)EPOLLOUT) receive(c);
      send_due(c);
    }
  }
  report(started_ns);
}

// Sends one whole request on a socket that is expected to have room for it.
static void send_whole(int fd, const uint8_t *bytes, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t sent = send(fd, bytes + at, size - at, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent < 0) die("send");
    at += (size_t)sent;
  }
}

// Reads one whole answer; returns its size or 0 when it is not complete yet.
static size_t receive_whole(int fd, uint8_t *buffer, size_t room, size_t *received) {
  ssize_t size = recv(fd, buffer + *received, room - *received, 0);
  if (size < 0 && errno == EAGAIN) return 0;
  if (size <= 0) die("recv");
  *received += (size_t)size;
  if (*received < 4 || *received < 4 + (size_t)u32_at(buffer)) return 0;
  *received = 0;
  return 4 + (size_t)u32_at(buffer);
}

// Where the records of a Fetch answer of one partition begin is told; the rest is whole batches.
static uint64_t end_offset(const uint8_t *answer, size_t size, size_t records_at, uint64_t from) {
  for (size_t at = records_at; at + 61 <= size;) {
    size_t length = 12 + (size_t)u32_at(answer + at + 8);
    from = u64_at(answer + at) + u32_at(answer + at + 23) + 1;
    at += length;
  }
  return from;
}

static void run_tail(const char *host, int port, uint32_t rate, uint64_t base_offset,
                     size_t offset_at, size_t records_at) {
  int producer = connect_to(host, port), consumer = connect_to(host, port);
  int ticks = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  uint64_t period_ns = 1000000000u / rate;
  uint64_t *due_ns = calloc(request_count, sizeof *due_ns);
  uint8_t *fetch = malloc(frames[1].size);
  uint8_t *answer = malloc(READ_SIZE);
  if (due_ns == NULL || fetch == NULL || answer == NULL) die("memory");
  memcpy(fetch, frames[1].bytes, frames[1].size);
  uint64_t next_offset = base_offset;
  put_u64(fetch + offset_at, next_offset);
  send_whole(consumer, fetch, frames[1].size);
  int fds[3] = {producer, consumer, ticks};
  for (int i = 0; i < 3; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &event) != 0) die("epoll_ctl");
  }
  struct itimerspec timer = {.it_interval.tv_nsec = (long)period_ns, .it_value.tv_nsec = 1000000};
  printf("ready\n");
  fflush(stdout);
  // Taken before the timer is set, so that no record is sent before it is due.
  uint64_t started_ns = now_ns(), first_due_ns = started_ns + 1000000;
  timerfd_settime(ticks, 0, &timer, NULL);
  size_t received = 0;
  struct epoll_event events[8];
  while (next_offset < base_offset + request_count) {
    int count = epoll_wait(poller, events, 8, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == ticks) {
        uint64_t expirations;
        if (read(ticks, &expirations, sizeof expirations) < 0) continue;
        while (expirations-- > 0 && sent_count < request_count) {
          due_ns[sent_count] = first_due_ns + sent_count * period_ns;
          sent_count++;
          send_whole(producer, frames[0].bytes, frames[0].size);
        }
      } else if (fd == producer) {
        if (recv(producer, scratch, READ_SIZE, 0) == 0) die("the producer's connection");
      } else {
        size_t size = receive_whole(consumer, answer, READ_SIZE, &received);
        if (size == 0) continue;
        uint64_t arrived_ns = now_ns();
        uint64_t end = end_offset(answer, size, records_at, next_offset);
        for (; next_offset < end; next_offset++) {
          note_latency(arrived_ns - due_ns[next_offset - base_offset]);
          answered_count++;
        }
        put_u64(fetch + offset_at, next_offset);
        send_whole(consumer, fetch, frames[1].size);
      }
    }
  }
  report(started_ns);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "load HOST PORT FRAMES [OPTIONS]\n");
    return 2;
  }
  uint32_t connection_count = 1, rate = 0;
  int in_flight = 1;
  uint64_t base_offset = 0;
  size_t offset_at = 0, records_at = 0;
  for (int i = 4; i + 1 < argc; i += 2) {
    uint64_t value = strtoull(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--connections") == 0) connection_count = (uint32_t)value;
    else if (strcmp(argv[i], "--in-flight") == 0) in_flight = (int)value;
    else if (strcmp(argv[i], "--requests") == 0) request_count = value;
    else if (strcmp(argv[i], "--error-at") == 0) error_at = (long)value;
    else if (strcmp(argv[i], "--size-min") == 0) size_min = value;
    else if (strcmp(argv[i], "--in-turn") == 0) is_in_turn = value != 0;
    else if (strcmp(argv[i], "--once") == 0) is_once = value != 0;
    else if (strcmp(argv[i], "--tail") == 0) rate = (uint32_t)value;
    else if (strcmp(argv[i], "--base-offset") == 0) base_offset = value;
    else if (strcmp(argv[i], "--offset-at") == 0) offset_at = value;
    else if (strcmp(argv[i], "--records-at") == 0) records_at = value;
    else die(argv[i]);
  }
  if (in_flight > IN_FLIGHT_MAX || error_at > HEAD_SIZE - 2) die("too large a number");
  load_frames(argv[3]);
  scratch = malloc(READ_SIZE);
  poller = epoll_create1(0);
  if (scratch == NULL || poller < 0) die("start");
  if (rate > 0) run_tail(argv[1], atoi(argv[2]), rate, base_offset, offset_at, records_at);
  else run_loop(argv[1], atoi(argv[2]), connection_count, in_flight);
  return 0;
}
