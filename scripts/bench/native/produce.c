// Producers of librdkafka, one thread and one instance each, in one process.
//
//   produce BOOTSTRAP TOPIC --producers N --records N --size N [name=value ...]
//
// --records is the number of all producers together. Values are pieces of text of which lz4 saves
// about a third. What is not named is librdkafka's default. Prints one line of JSON.
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { TEXT_SIZE = 1 << 20 };

struct work {
  pthread_t thread;
  rd_kafka_t *producer;
  rd_kafka_topic_t *topic;
  long records;
  size_t size;
  const char *text;
  uint32_t seed;
};

static _Atomic long failed;

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
  (void)producer;
  (void)opaque;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) failed++;
}

static uint32_t next_random(uint32_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed;
}

static void *run(void *argument) {
  struct work *work = argument;
  for (long sent = 0; sent < work->records;) {
    const char *value = work->text + next_random(&work->seed) % (TEXT_SIZE - work->size);
    int refused = rd_kafka_produce(work->topic, RD_KAFKA_PARTITION_UA, 0, (void *)value, work->size,
                                   NULL, 0, NULL);
    if (refused == 0) {
      sent++;
      continue;
    }
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      fprintf(stderr, "produce: %s\n", rd_kafka_err2str(rd_kafka_last_error()));
      exit(1);
    }
    // Failures only are reported, so nothing says when there is room: look again in a moment.
    struct timespec moment = {.tv_nsec = 200000};
    rd_kafka_poll(work->producer, 0);
    nanosleep(&moment, NULL);
  }
  if (rd_kafka_flush(work->producer, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR) failed++;
  return NULL;
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void configure(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) == RD_KAFKA_CONF_OK) return;
  fprintf(stderr, "produce: %s\n", error);
  exit(2);
}

static char *make_text(void) {
  char *text = malloc(TEXT_SIZE);
  uint32_t seed = 42;
  // Words of a small vocabulary and numbers between them, as in logs and JSON.
  static const char *words[] = {"order ", "customer ", "status=", "created ", "paid ", "shipped ",
                                "amount=", "id=", "region ", "north ", "south ", "error "};
  for (size_t at = 0; at < TEXT_SIZE;) {
    char piece[32];
    snprintf(piece, sizeof piece, "%s%08x ", words[next_random(&seed) % 12], next_random(&seed));
    size_t size = strlen(piece) < TEXT_SIZE - at ? strlen(piece) : TEXT_SIZE - at;
    memcpy(text + at, piece, size);
    at += size;
  }
  return text;
}

int main(int argc, char **argv) {
  if (argc < 9) {
    fprintf(stderr, "produce BOOTSTRAP TOPIC --producers N --records N --size N [name=value ...]\n");
    return 2;
  }
  long producers = atol(argv[4]), records = atol(argv[6]);
  size_t size = (size_t)atol(argv[8]);
  char *text = make_text();
  struct work *works = calloc((size_t)producers, sizeof *works);
  for (long i = 0; i < producers; i++) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    configure(conf, "bootstrap.servers", argv[1]);
    configure(conf, "delivery.report.only.error", "true");
    for (int at = 9; at < argc; at++) {
      char *equals = strchr(argv[at], '=');
      if (equals == NULL) continue;
      char *name = strndup(argv[at], (size_t)(equals - argv[at]));
      configure(conf, name, equals + 1);
      free(name);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    char error[256];
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (producer == NULL) {
      fprintf(stderr, "produce: %s\n", error);
      return 2;
    }
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, argv[2], NULL);
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(producer, 0, topic, &metadata, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      fprintf(stderr, "produce: no metadata\n");
      return 1;
    }
    rd_kafka_metadata_destroy(metadata);
    long share = records / producers + (i < records % producers);
    works[i] = (struct work){.producer = producer, .topic = topic, .records = share, .size = size,
                             .text = text, .seed = (uint32_t)i + 1};
  }
  double started_ms = now_ms();
  for (long i = 0; i < producers; i++) pthread_create(&works[i].thread, NULL, run, &works[i]);
  for (long i = 0; i < producers; i++) pthread_join(works[i].thread, NULL);
  double elapsed_ms = now_ms() - started_ms;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu_ms = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
  if (failed > 0) {
    fprintf(stderr, "produce: %ld records were not taken\n", (long)failed);
    return 1;
  }
  printf("{\"elapsedMs\":%.3f,\"ownCpuMs\":%.1f,\"librdkafka\":\"%s\"}\n", elapsed_ms, cpu_ms,
         rd_kafka_version_str());
  return 0;
}
