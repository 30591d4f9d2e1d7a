// The machine's limit: a server that does the least a broker must do for a Produce request with one
// batch: frame it, check its CRC-32C, give it an offset, append it to a file, answer it. One
// thread, epoll, one file. It keeps no topics, index, producers or waiting consumers.
//
//   sink FILE RECORDS_AT TOPIC_SIZE
//
// RECORDS_AT is where the batch stands in a request, length included. Prints its port; ends when
// standard input ends. Built with -msse4.2.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nmmintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 4 << 20, READ_SIZE = 256 * 1024, LANE_SIZE = 1024 };

struct connection {
  int fd;
  // The end of the last read when it was no whole request.
  uint8_t *kept;
  size_t kept_size;
};

static int file;
static off_t position;
static uint64_t next_offset;
static size_t records_at, topic_size;
static uint32_t shifted[4][256];

static uint32_t u32_at(const uint8_t *b) {
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void put_u32(uint8_t *b, uint32_t value) {
  for (int i = 3; i >= 0; i--, value >>= 8) b[i] = (uint8_t)value;
}

static uint32_t crc_words(uint32_t crc, const uint8_t *bytes, size_t size) {
  uint64_t state = crc;
  for (; size >= 8; size -= 8, bytes += 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    state = _mm_crc32_u64(state, word);
  }
  crc = (uint32_t)state;
  while (size-- > 0) crc = _mm_crc32_u8(crc, *bytes++);
  return crc;
}

// Three lanes at a time hide the latency of the instruction; `shifted` moves a lane's state past
// the bytes of the next.
static void make_shifts(void) {
  static const uint8_t zeroes[LANE_SIZE];
  for (int byte = 0; byte < 4; byte++)
    for (uint32_t value = 0; value < 256; value++)
      shifted[byte][value] = crc_words(value << (8 * byte), zeroes, LANE_SIZE);
}

static uint32_t past_lane(uint32_t crc) {
  return shifted[0][crc & 255] ^ shifted[1][crc >> 8 & 255] ^ shifted[2][crc >> 16 & 255] ^
         shifted[3][crc >> 24];
}

static uint32_t crc32c(const uint8_t *bytes, size_t size) {
  uint64_t a = ~0u;
  for (; size >= 3 * LANE_SIZE; size -= 3 * LANE_SIZE, bytes += 3 * LANE_SIZE) {
    uint64_t b = 0, c = 0;
    for (int at = 0; at < LANE_SIZE; at += 8) {
      uint64_t x, y, z;
      memcpy(&x, bytes + at, 8);
      memcpy(&y, bytes + LANE_SIZE + at, 8);
      memcpy(&z, bytes + 2 * LANE_SIZE + at, 8);
      a = _mm_crc32_u64(a, x);
      b = _mm_crc32_u64(b, y);
      c = _mm_crc32_u64(c, z);
    }
    a = past_lane(past_lane((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
  }
  return ~crc_words((uint32_t)a, bytes, size);
}

static void die(const char *what) {
  fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
  exit(1);
}

// Appends the batch of one request and writes the answer of Produce 7 behind `out`.
static size_t serve(uint8_t *request, size_t size, uint8_t *out) {
  uint8_t *batch = request + records_at;
  size_t batch_size = size - records_at;
  uint32_t offset_high = (uint32_t)(next_offset >> 32), offset_low = (uint32_t)next_offset;
  bool is_sound = crc32c(batch + 21, batch_size - 21) == u32_at(batch + 17);
  put_u32(batch, offset_high);
  put_u32(batch + 4, offset_low);
  next_offset += u32_at(batch + 23) + 1;
  if (is_sound && pwrite(file, batch, batch_size, position) != (ssize_t)batch_size) die("pwrite");
  position += (off_t)batch_size;
  // correlation id, one topic, one partition: index, error, base offset, append time, log start;
  // throttle time
  size_t answer_size = 4 + 4 + 4 + 2 + topic_size + 4 + 4 + 2 + 8 + 8 + 8 + 4;
  memset(out, 0, answer_size);
  put_u32(out, (uint32_t)answer_size - 4);
  memcpy(out + 4, request + 8, 4);
  out[11] = 1;
  out[13] = (uint8_t)topic_size;
  out[14 + topic_size + 3] = 1;
  uint8_t *partition = out + 14 + topic_size + 4;
  partition[5] = is_sound ? 0 : 2;
  put_u32(partition + 6, offset_high);
  put_u32(partition + 10, offset_low);
  memset(partition + 14, 0xff, 8);
  return answer_size;
}

// Serves all whole requests in a buffer; keeps the rest for the next read.
static void serve_all(struct connection *c, uint8_t *buffer, size_t size) {
  static uint8_t out[1 << 20];
  size_t at = 0, out_size = 0;
  while (size - at >= 4 && size - at >= 4 + (size_t)u32_at(buffer + at)) {
    size_t length = 4 + (size_t)u32_at(buffer + at);
    out_size += serve(buffer + at, length, out + out_size);
    at += length;
  }
  c->kept_size = size - at;
  if (c->kept_size > 0 && c->kept == NULL) c->kept = malloc(BUFFER_SIZE);
  if (c->kept_size > 0) memmove(c->kept, buffer + at, c->kept_size);
  if (out_size > 0 && send(c->fd, out, out_size, MSG_NOSIGNAL) != (ssize_t)out_size) die("send");
}

// True while the client is there. A request that has begun is completed in its own buffer.
static bool receive(struct connection *c, uint8_t *shared) {
  bool has_kept = c->kept_size > 0;
  uint8_t *buffer = has_kept ? c->kept : shared;
  size_t room = has_kept ? BUFFER_SIZE - c->kept_size : READ_SIZE;
  ssize_t size = recv(c->fd, buffer + c->kept_size, room < READ_SIZE ? room : READ_SIZE, 0);
  if (size < 0 && errno == EAGAIN) return true;
  if (size <= 0) return false;
  serve_all(c, buffer, c->kept_size + (size_t)size);
  return true;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "sink FILE RECORDS_AT TOPIC_SIZE\n");
    return 2;
  }
  records_at = (size_t)atol(argv[2]);
  topic_size = (size_t)atol(argv[3]);
  file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (file < 0) die(argv[1]);
  make_shifts();
  uint8_t *shared = malloc(READ_SIZE);
  int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t address_size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, address_size) != 0) die("bind");
  if (listen(listener, 1024) != 0) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &address_size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  struct connection self = {.fd = listener}, input = {.fd = STDIN_FILENO};
  struct epoll_event add = {.events = EPOLLIN, .data.ptr = &self};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &add);
  add.data.ptr = &input;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &add) != 0) die("standard input");
  struct epoll_event events[256];
  for (;;) {
    int count = epoll_wait(poller, events, 256, -1);
    for (int i = 0; i < count; i++) {
      struct connection *c = events[i].data.ptr;
      if (c == &input) return 0;
      if (c == &self) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), one = 1;
        if (fd < 0) die("accept");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *made = calloc(1, sizeof *made);
        made->fd = fd;
        add.data.ptr = made;
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &add);
      } else if (!receive(c, shared)) {
        close(c->fd);
        free(c->kept);
        free(c);
      }
    }
  }
}
