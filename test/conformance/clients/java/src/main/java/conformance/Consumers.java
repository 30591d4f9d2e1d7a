package conformance;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.OffsetMetadataTooLarge;

/** The part "consumers": all that a consumer can do, in one of the two group protocols. */
final class Consumers {
  private static final int PARTITIONS = 4;

  private final Run run;
  private final Clients clients;
  private final String protocol;

  /** @param protocol "classic" or "consumer" (KIP-848) */
  Consumers(Run run, Clients clients, String protocol) {
    this.run = run;
    this.clients = clients;
    this.protocol = protocol;
  }

  void steps() {
    step("seek", this::seek);
    step("offsets-for-times", this::offsetsForTimes);
    step("pause-resume", this::pauseResume);
    step("commit-sync", this::commitSync);
    step("commit-async", this::commitAsync);
    step("auto-commit", this::autoCommit);
    step("no-offset-reset", this::noOffsetReset);
    step("regex-subscription", this::regexSubscription);
    step("growing-topic", this::growingTopic);
    step("recreated-topic", this::recreatedTopic);
    step("small-fetches", this::smallFetches);
    step("fetch-waits", this::fetchWaits);
    step("many-partitions", this::manyPartitions);
    step("topics-and-partitions", this::topicsAndPartitions);
    new Rebalances(clients, protocol).steps(this::step);
  }

  private void step(String name, Run.Step step) {
    run.step(name + " (" + protocol + ")", () -> {
      if (!protocol.equals("classic")) run.needs("ConsumerGroupHeartbeat");
      step.run();
    });
  }

  private String name(String what) {
    return what + "-" + protocol;
  }

  private KafkaConsumer<byte[], byte[]> member(String group, Object... options) {
    return member(clients, protocol, group, options);
  }

  static KafkaConsumer<byte[], byte[]> member(
      Clients clients, String protocol, String group, Object... options) {
    var all = new ArrayList<Object>(List.of("group.id", group, "metadata.max.age.ms", 500));
    all.addAll(List.of("group.protocol", protocol));
    all.addAll(List.of(options));
    return clients.consumer(all.toArray());
  }

  private void seek() throws Exception {
    String topic = name("seek");
    var partition = new TopicPartition(topic, 0);
    var partitions = List.of(partition);
    clients.createTopic(topic, 1);
    clients.send(topic, Clients.records(50));
    try (var consumer = member(topic)) {
      consumer.assign(partitions);
      Check.equal("beginning", Map.of(partition, 0L), consumer.beginningOffsets(partitions));
      Check.equal("end", Map.of(partition, 50L), consumer.endOffsets(partitions));
      consumer.seek(partition, 30);
      Check.equal("first after seek", 30L, Clients.poll(consumer, 20).get(0).offset());
      Check.equal("position at the end", 50L, consumer.position(partition));
      Check.equal("lag", 0L, consumer.currentLag(partition).orElse(-1));
      consumer.seekToBeginning(partitions);
      Check.equal("position at the beginning", 0L, consumer.position(partition));
      consumer.seekToEnd(partitions);
      Check.equal("position after seekToEnd", 50L, consumer.position(partition));
      consumer.seek(partition, new OffsetAndMetadata(10, Optional.of(0), ""));
      Check.equal("first at a leader epoch", 10L, Clients.poll(consumer, 40).get(0).offset());
    }
  }

  private void offsetsForTimes() throws Exception {
    String topic = name("times");
    clients.createTopic(topic, PARTITIONS);
    long first = System.currentTimeMillis() - 60_000;
    try (var producer = clients.producer()) {
      for (int i = 0; i < 40; i++) {
        long at = first + i / PARTITIONS * 1_000L;
        var value = Clients.bytes("value-" + i);
        producer.send(new ProducerRecord<>(topic, i % PARTITIONS, at, null, value));
      }
    }
    try (var consumer = member(topic)) {
      Map<TopicPartition, Long> times = new HashMap<>();
      for (int i = 0; i < PARTITIONS; i++) {
        times.put(new TopicPartition(topic, i), first + 3_500 + i * 2_000L);
      }
      var found = consumer.offsetsForTimes(times);
      for (int i = 0; i < PARTITIONS; i++) {
        var partition = new TopicPartition(topic, i);
        var at = found.get(partition);
        if (i == 3) {
          Check.equal("behind the last record", null, at);
          continue;
        }
        Check.equal("offset", 4L + 2 * i, at.offset());
        Check.equal("timestamp", first + 4_000 + i * 2_000L, at.timestamp());
        Check.equal("leader epoch", 0, at.leaderEpoch().orElse(-1));
      }
    }
  }

  private void pauseResume() throws Exception {
    String topic = name("pause");
    clients.createTopic(topic, 2);
    var paused = new TopicPartition(topic, 0);
    var open = new TopicPartition(topic, 1);
    try (var producer = clients.producer(); var consumer = member(topic)) {
      consumer.assign(List.of(paused, open));
      consumer.seekToBeginning(List.of(paused, open));
      consumer.pause(List.of(paused));
      for (int i = 0; i < 20; i++) {
        producer.send(new ProducerRecord<>(topic, i % 2, null, Clients.bytes("value-" + i))).get();
      }
      var records = Clients.poll(consumer, 10);
      for (var record : records) Check.equal("partition", 1, record.partition());
      Check.equal("paused", Set.of(paused), consumer.paused());
      consumer.resume(List.of(paused));
      Check.equal("first after resuming", 0L, Clients.poll(consumer, 10).get(0).offset());
    }
  }

  private void commitSync() throws Exception {
    String topic = name("commit-sync");
    clients.createTopic(topic, 2);
    var first = new TopicPartition(topic, 0);
    var second = new TopicPartition(topic, 1);
    var offsets = Map.of(
        first, new OffsetAndMetadata(3, Optional.of(0), "a note"),
        second, new OffsetAndMetadata(5));
    try (var consumer = member(topic)) {
      consumer.subscribe(List.of(topic));
      Check.until("it is assigned", () -> {
        consumer.poll(Duration.ofMillis(100));
        return consumer.assignment().size() == 2;
      });
      Check.equal("committed before", null, consumer.committed(Set.of(first)).get(first));
      consumer.commitSync(offsets);
      Check.equal("committed", offsets, consumer.committed(Set.of(first, second)));
      String longest = "m".repeat(4_096);
      consumer.commitSync(Map.of(first, new OffsetAndMetadata(4, longest)));
      Check.fails("metadata is too large",
          OffsetMetadataTooLarge.class, () -> {
            consumer.commitSync(Map.of(first, new OffsetAndMetadata(5, longest + "m")));
            return "committed";
          });
    }
  }

  private void commitAsync() throws Exception {
    String topic = name("commit-async");
    clients.createTopic(topic, 1);
    clients.send(topic, Clients.records(10));
    var partition = new TopicPartition(topic, 0);
    var committed = new ArrayList<Long>();
    try (var consumer = member(topic)) {
      consumer.subscribe(List.of(topic));
      Clients.poll(consumer, 10);
      for (long offset = 1; offset <= 10; offset++) {
        consumer.commitAsync(Map.of(partition, new OffsetAndMetadata(offset)), (offsets, error) -> {
          committed.add(error == null ? offsets.get(partition).offset() : -1L);
        });
      }
      Check.until("the callbacks are called", () -> {
        consumer.poll(Duration.ofMillis(50));
        return committed.size() == 10;
      });
      var inOrder = IntStream.rangeClosed(1, 10).mapToObj(offset -> (long) offset).toList();
      Check.equal("commits in order", inOrder, committed);
      Check.equal("committed", 10L, consumer.committed(Set.of(partition)).get(partition).offset());
    }
  }

  private void autoCommit() throws Exception {
    String topic = name("auto-commit");
    clients.createTopic(topic, 1);
    clients.send(topic, Clients.records(10));
    var partition = new TopicPartition(topic, 0);
    try (var consumer = member(topic, "enable.auto.commit", true)) {
      consumer.subscribe(List.of(topic));
      Clients.poll(consumer, 10);
    }
    try (var consumer = member(topic)) {
      var committed = consumer.committed(Set.of(partition)).get(partition);
      Check.equal("committed at close", 10L, committed.offset());
    }
  }

  private void noOffsetReset() throws Exception {
    String topic = name("no-reset");
    clients.createTopic(topic, 1);
    clients.send(topic, Clients.records(10));
    var partition = new TopicPartition(topic, 0);
    try (var consumer = member(topic, "auto.offset.reset", "none")) {
      consumer.assign(List.of(partition));
      Check.fails("nothing committed", NoOffsetForPartitionException.class,
          () -> consumer.poll(Duration.ofSeconds(20)));
      consumer.seek(partition, 11);
      Check.fails("behind the end", OffsetOutOfRangeException.class,
          () -> consumer.poll(Duration.ofSeconds(20)));
    }
  }

  private void regexSubscription() throws Exception {
    String prefix = name("regex");
    for (int i = 0; i < 2; i++) clients.createTopic(prefix + "-" + i, 1);
    clients.createTopic("not-" + prefix, 1);
    try (var consumer = member(prefix)) {
      consumer.subscribe(Pattern.compile(prefix + "-.*"));
      Check.until("two topics are assigned", () -> assigned(consumer) == 2);
      clients.createTopic(prefix + "-2", 3);
      Check.until("the third is found", () -> assigned(consumer) == 5);
      try (var admin = clients.admin()) {
        admin.deleteTopics(List.of(prefix + "-0")).all().get();
      }
      Check.until("the first is gone", () -> assigned(consumer) == 4);
    }
  }

  private static int assigned(KafkaConsumer<byte[], byte[]> consumer) {
    consumer.poll(Duration.ofMillis(100));
    return consumer.assignment().size();
  }

  private void growingTopic() throws Exception {
    String topic = name("growing");
    clients.createTopic(topic, 1);
    try (var consumer = member(topic); var admin = clients.admin()) {
      consumer.subscribe(List.of(topic));
      Check.until("one partition", () -> assigned(consumer) == 1);
      admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get();
      Check.until("three partitions", () -> assigned(consumer) == 3);
      try (var producer = clients.producer()) {
        producer.send(new ProducerRecord<>(topic, 2, null, Clients.bytes("there"))).get();
      }
      Check.equal("read", List.of("there"), Clients.values(Clients.poll(consumer, 1)));
    }
  }

  private void recreatedTopic() throws Exception {
    String topic = name("recreated");
    clients.createTopic(topic, 1);
    clients.send(topic, Clients.records(5));
    try (var consumer = member(topic, "auto.offset.reset", "earliest");
        var admin = clients.admin()) {
      consumer.subscribe(List.of(topic));
      Clients.poll(consumer, 5);
      admin.deleteTopics(List.of(topic)).all().get();
      Check.until("the topic is gone", () -> !admin.listTopics().names().get().contains(topic));
      clients.createTopic(topic, 1);
      clients.send(topic, List.of(new Clients.Pair("new", "new")));
      Check.equal("new record", "new", Clients.text(Clients.poll(consumer, 1).get(0).value()));
    }
  }

  private void smallFetches() throws Exception {
    String topic = name("small-fetches");
    clients.createTopic(topic, 1);
    var sent = Clients.records(100);
    clients.send(topic, sent, "batch.size", 500);
    // Even a batch that is larger than all of these comes whole.
    Object[] tiny = {"max.partition.fetch.bytes", 1, "fetch.max.bytes", 1, "max.poll.records", 3};
    Check.equal("records", sent, Clients.plain(clients.read(topic, 100, tiny)));
  }

  private void fetchWaits() throws Exception {
    String topic = name("fetch-waits");
    clients.createTopic(topic, 1);
    var arrived = new CompletableFuture<ConsumerRecord<byte[], byte[]>>();
    Object[] patient = {"fetch.max.wait.ms", 30_000, "fetch.min.bytes", 1};
    try (var member = new Member(member(topic, patient), topic, arrived::complete)) {
      Check.until("it is assigned", () -> member.count() == 1);
      clients.send(topic, Clients.records(1));
      // Long before its 30 seconds are over.
      arrived.get(20, TimeUnit.SECONDS);
    }
  }

  private void manyPartitions() throws Exception {
    String topic = name("many-partitions");
    int count = 100;
    clients.createTopic(topic, count);
    var read = new HashSet<String>();
    try (var producer = clients.producer(); var consumer = member(topic)) {
      consumer.subscribe(List.of(topic));
      Check.until("all are assigned", () -> assigned(consumer) == count);
      // Round after round, so that the fetch session has partitions with and without changes.
      for (int round = 0; round < 10; round++) {
        for (int i = round; i < count; i += 10) {
          var value = Clients.bytes("value-" + round + "-" + i);
          producer.send(new ProducerRecord<>(topic, i, null, value));
        }
        producer.flush();
        read.addAll(Clients.values(Clients.poll(consumer, 10)));
      }
      Check.equal("read", 100, read.size());
    }
  }

  private void topicsAndPartitions() throws Exception {
    String topic = name("listed");
    clients.createTopic(topic, 3);
    try (var consumer = member(topic, "allow.auto.create.topics", false)) {
      Check.equal("partitions", 3, consumer.partitionsFor(topic).size());
      Check.equal("listed partitions", 3, consumer.listTopics().get(topic).size());
      var info = consumer.partitionsFor(topic).get(0);
      Check.equal("leader", 1, info.leader().id());
      Check.equal("in sync", 1, info.inSyncReplicas().length);
      Check.equal("offline", 0, info.offlineReplicas().length);
      consumer.subscribe(List.of(topic + "-unknown"));
      consumer.poll(Duration.ofSeconds(2));
      Check.that(!consumer.listTopics().containsKey(topic + "-unknown"), "it was not created");
    }
  }
}
