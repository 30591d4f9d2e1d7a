package conformance;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.ConfigResource.Type;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Steps of the part "consumers" with the share consumer (KIP-932), which only 4.x has. */
final class LineOfConsumers {
  private static final Duration POLL = Duration.ofMillis(200);

  private final Run run;
  private final Clients clients;

  LineOfConsumers(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
  }

  void steps() {
    step("two share", this::twoShare);
    step("released and rejected", this::releasedAndRejected);
  }

  private void step(String name, Run.Step step) {
    run.step(name + " (share)", () -> {
      run.needs("ShareGroupHeartbeat", "ShareFetch", "ShareAcknowledge");
      step.run();
    });
  }

  /** A topic of one partition, with a group that reads it from the beginning. */
  private void prepare(String topic, int count) throws Exception {
    clients.createTopic(topic, 1);
    clients.send(topic, Clients.records(count), "batch.size", 500);
    var group = new ConfigResource(Type.GROUP, topic);
    var entry = new ConfigEntry("share.auto.offset.reset", "earliest");
    try (var admin = clients.admin()) {
      var change = List.of(new AlterConfigOp(entry, OpType.SET));
      admin.incrementalAlterConfigs(Map.of(group, List.copyOf(change))).all().get();
    }
  }

  private KafkaShareConsumer<byte[], byte[]> consumer(String topic, String acknowledgement) {
    Map<String, Object> options = new HashMap<>();
    options.put("bootstrap.servers", run.bootstrap);
    options.put("group.id", topic);
    options.put("max.poll.records", 10);
    options.put("share.acknowledgement.mode", acknowledgement);
    var deserializer = new ByteArrayDeserializer();
    var consumer = new KafkaShareConsumer<>(options, deserializer, deserializer);
    consumer.subscribe(List.of(topic));
    return consumer;
  }

  /** Records of one partition go to both, each record to one of them. */
  private void twoShare() throws Exception {
    prepare("share-two", 200);
    List<String> first = new ArrayList<>();
    List<String> second = new ArrayList<>();
    try (var one = consumer("share-two", "implicit");
        var other = consumer("share-two", "implicit")) {
      Check.until("all are read", () -> {
        one.poll(POLL).forEach(each -> first.add(Clients.text(each.key())));
        other.poll(POLL).forEach(each -> second.add(Clients.text(each.key())));
        return first.size() + second.size() >= 200;
      });
    }
    var keys = IntStream.range(0, 200).mapToObj(i -> "key-" + i).sorted().toList();
    Check.equal("keys", keys, Stream.concat(first.stream(), second.stream()).sorted().toList());
  }

  /** What is released is delivered again, what is rejected is not. */
  private void releasedAndRejected() throws Exception {
    prepare("share-released", 3);
    Map<String, Short> deliveries = new HashMap<>();
    try (var consumer = consumer("share-released", "explicit")) {
      Check.until("all are read, one of them twice", () -> {
        for (var record : consumer.poll(POLL)) {
          short count = record.deliveryCount().orElseThrow();
          deliveries.put(Clients.text(record.key()), count);
          consumer.acknowledge(record, acknowledgement(record, count));
        }
        consumer.commitSync();
        var expected = Map.of("key-0", (short) 1, "key-1", (short) 2, "key-2", (short) 1);
        return deliveries.equals(expected);
      });
    }
  }

  private static AcknowledgeType acknowledgement(
      ConsumerRecord<byte[], byte[]> record, short count) {
    if (record.offset() == 1 && count == 1) return AcknowledgeType.RELEASE;
    return record.offset() == 2 ? AcknowledgeType.REJECT : AcknowledgeType.ACCEPT;
  }
}
