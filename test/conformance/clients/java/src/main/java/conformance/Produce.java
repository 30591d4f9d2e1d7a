package conformance;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** The steps about producing, and finding by time what was produced. */
final class Produce {
  private final Run run;
  private final Clients clients;

  Produce(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
  }

  void steps() {
    run.step("auto-create", () -> {
      var sent = Clients.records(3);
      // Auto-creation gives a topic of one partition.
      clients.send("auto-create", sent);
      Check.equal("records", sent, Clients.plain(clients.read("auto-create", 3)));
    });
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
      run.step("produce-" + codec, () -> produce(codec));
    }
    run.step("headers-tombstones", this::headersAndTombstones);
    run.step("large-record", this::largeRecord);
    run.step("acks", () -> {
      clients.createTopic("acks", 1);
      for (String acks : List.of("0", "1", "all")) {
        clients.send("acks", Clients.records(10), "acks", acks, "enable.idempotence", false);
      }
      Check.equal("records", 30, clients.read("acks", 30).size());
    });
    run.step("idempotent-producer", () -> {
      clients.createTopic("idempotent", 1);
      var sent = Clients.records(1000);
      // Small batches, five of them in flight.
      clients.send("idempotent", sent, "batch.size", 2000, "linger.ms", 0);
      Check.equal("records", sent, Clients.plain(clients.read("idempotent", 1000)));
      if (run.offers("DescribeProducers")) hasProducer(new TopicPartition("idempotent", 0));
    });
    run.step("seek-by-time", this::seekByTime);
  }

  private void hasProducer(TopicPartition partition) throws Exception {
    try (var admin = clients.admin()) {
      var producers = admin.describeProducers(List.of(partition)).all().get().get(partition);
      var last = producers.activeProducers().stream().mapToInt(state -> state.lastSequence()).max();
      Check.equal("last sequence", 999, last.orElse(-1));
    }
  }

  private void produce(String codec) throws Exception {
    String topic = "produce-" + codec;
    clients.createTopic(topic, 1);
    var sent = Clients.records(200);
    // One batch, so that there is something to compress.
    clients.send(topic, sent, "compression.type", codec, "linger.ms", 500, "batch.size", 200_000);
    var records = clients.read(topic, sent.size());
    Check.equal("records", sent, Clients.plain(records));
    Check.equal("last offset", 199L, records.get(199).offset());
    int uncompressed = sent.stream().mapToInt(pair -> pair.value().length()).sum();
    boolean compressed = sizeOf(topic) < uncompressed / 2;
    Check.equal("is stored compressed", !codec.equals("none"), compressed);
  }

  private long sizeOf(String topic) throws Exception {
    try (var admin = clients.admin()) {
      var directories = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values();
      var partition = new TopicPartition(topic, 0);
      return directories.iterator().next().replicaInfos().get(partition).size();
    }
  }

  private void headersAndTombstones() throws Exception {
    String topic = "headers-tombstones";
    clients.createTopic(topic, 1);
    long at = System.currentTimeMillis() - 5_000;
    byte[] empty = {};
    List<Header> headers = List.of(
        new RecordHeader("a", Clients.bytes("1")),
        new RecordHeader("a", Clients.bytes("2")),
        new RecordHeader("empty", empty),
        new RecordHeader("binary", new byte[] {0, -1, -128}),
        new RecordHeader("null", null));
    byte[] both = Clients.bytes("both");
    byte[] tombstone = Clients.bytes("tombstone");
    List<ProducerRecord<byte[], byte[]>> sent = List.of(
        new ProducerRecord<>(topic, null, at, both, Clients.bytes("value"), headers),
        new ProducerRecord<>(topic, tombstone, null),
        new ProducerRecord<>(topic, null, Clients.bytes("no key")),
        new ProducerRecord<>(topic, empty, empty));
    try (var producer = clients.producer()) {
      for (var record : sent) producer.send(record).get();
    }
    var records = clients.read(topic, sent.size());
    for (int i = 0; i < sent.size(); i++) {
      var back = records.get(i);
      Check.that(Clients.same(sent.get(i).key(), back.key()), "key of record " + i);
      Check.that(Clients.same(sent.get(i).value(), back.value()), "value of record " + i);
    }
    sameHeaders(headers, records.get(0));
    Check.equal("timestamp", at, records.get(0).timestamp());
  }

  private static void sameHeaders(List<Header> headers, ConsumerRecord<byte[], byte[]> record) {
    var back = record.headers().toArray();
    Check.equal("headers", headers.size(), back.length);
    for (int i = 0; i < back.length; i++) {
      Check.equal("key of header " + i, headers.get(i).key(), back[i].key());
      Check.that(Clients.same(headers.get(i).value(), back[i].value()), "value of header " + i);
    }
  }

  private void largeRecord() throws Exception {
    clients.createTopic("large-record", 1);
    var large = List.of(new Clients.Pair("large", "0123456789".repeat(90_000)));
    clients.send("large-record", large);
    Check.equal("record", large, Clients.plain(clients.read("large-record", 1)));
    var larger = List.of(new Clients.Pair("large", "0123456789".repeat(200_000)));
    Check.fails("too large", RecordTooLargeException.class, () -> {
      clients.send("large-record", larger, "max.request.size", 3_000_000);
      return "sent";
    });
  }

  private void seekByTime() throws Exception {
    String topic = "seek-by-time";
    clients.createTopic(topic, 1);
    long first = System.currentTimeMillis() - TimeUnit.MINUTES.toMillis(1);
    var sent = Clients.records(10);
    try (var producer = clients.producer()) {
      for (int i = 0; i < 10; i++) {
        byte[] value = Clients.bytes(sent.get(i).value());
        producer.send(new ProducerRecord<>(topic, null, first + i * 1_000L, null, value)).get();
      }
    }
    var partition = new TopicPartition(topic, 0);
    var wanted = Map.of(-1_000L, 0L, 4_500L, 5L, 5_000L, 5L);
    try (var consumer = clients.consumer(); var admin = clients.admin()) {
      consumer.assign(List.of(partition));
      wanted.forEach((afterMs, offset) -> {
        var found = consumer.offsetsForTimes(Map.of(partition, first + afterMs)).get(partition);
        Check.equal("offset after " + afterMs + " ms", offset, found.offset());
      });
      var late = consumer.offsetsForTimes(Map.of(partition, first + 9_001)).get(partition);
      Check.equal("offset after the last record", null, late);
      var max = admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp()));
      long offset = max.partitionResult(partition).get().offset();
      Check.equal("offset of the largest timestamp", 9L, offset);
      consumer.seek(partition, 5);
      Check.equal("first record", 5L, Clients.poll(consumer, 5).get(0).offset());
    }
  }
}
