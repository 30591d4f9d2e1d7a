package conformance;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Makes clients of the broker under test, and does with them what many steps do. */
public final class Clients {
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration READ_TIMEOUT = Duration.ofSeconds(40);

  /** What every client can carry. */
  public record Pair(String key, String value) {}

  public final String bootstrap;

  public Clients(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  /** `count` different records; their values have something in them to compress. */
  public static List<Pair> records(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> {
          String value = "value-" + i + "-" + "all work and no play ".repeat(i % 20);
          return new Pair("key-" + i, value);
        })
        .toList();
  }

  public Admin admin() {
    return Admin.create(with(Map.of()));
  }

  /** A producer of bytes, so that null and empty stay apart. */
  public KafkaProducer<byte[], byte[]> producer(Object... options) {
    var serializer = new ByteArraySerializer();
    return new KafkaProducer<>(with(pairs(options)), serializer, serializer);
  }

  /** A consumer that begins at the beginning and commits only what it is told to. */
  public KafkaConsumer<byte[], byte[]> consumer(Object... options) {
    Map<String, Object> all = new HashMap<>();
    all.put("auto.offset.reset", "earliest");
    all.put("enable.auto.commit", false);
    all.put("client.id", "conformance");
    all.putAll(pairs(options));
    var deserializer = new ByteArrayDeserializer();
    return new KafkaConsumer<>(with(all), deserializer, deserializer);
  }

  private Map<String, Object> with(Map<String, Object> options) {
    Map<String, Object> all = new HashMap<>(options);
    all.put("bootstrap.servers", bootstrap);
    all.put("reconnect.backoff.max.ms", 500);
    return all;
  }

  private static Map<String, Object> pairs(Object[] options) {
    Map<String, Object> map = new HashMap<>();
    for (int i = 0; i < options.length; i += 2) map.put((String) options[i], options[i + 1]);
    return map;
  }

  public void createTopic(String topic, int partitions) throws Exception {
    try (var admin = admin()) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
    }
  }

  /** Sends records and waits until all are acknowledged. */
  public void send(String topic, List<Pair> records, Object... options) throws Exception {
    try (var producer = producer(options)) {
      List<Future<?>> sent = new ArrayList<>();
      for (Pair record : records) sent.add(producer.send(toSend(topic, record)));
      producer.flush();
      for (Future<?> each : sent) each.get();
    }
  }

  public static ProducerRecord<byte[], byte[]> toSend(String topic, Pair record) {
    return new ProducerRecord<>(topic, bytes(record.key), bytes(record.value));
  }

  public static byte[] bytes(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }

  public static String text(byte[] bytes) {
    return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
  }

  /** The first `count` records of a topic of one partition, read without a group. */
  public List<ConsumerRecord<byte[], byte[]>> read(String topic, int count, Object... options) {
    try (var consumer = consumer(options)) {
      var partitions = List.of(new TopicPartition(topic, 0));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      return poll(consumer, count);
    }
  }

  /** Polls until at least `count` records are there. */
  public static List<ConsumerRecord<byte[], byte[]>> poll(
      Consumer<byte[], byte[]> consumer, int count) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    long deadlineNs = System.nanoTime() + READ_TIMEOUT.toNanos();
    while (records.size() < count) {
      Check.that(
          System.nanoTime() < deadlineNs, "only " + records.size() + " of " + count + " were read");
      consumer.poll(POLL).forEach(records::add);
    }
    return records;
  }

  public static List<Pair> plain(List<ConsumerRecord<byte[], byte[]>> records) {
    return records.stream()
        .map(record -> new Pair(text(record.key()), text(record.value())))
        .toList();
  }

  public static List<String> values(List<ConsumerRecord<byte[], byte[]>> records) {
    return records.stream().map(record -> text(record.value())).toList();
  }

  /** Whether two byte strings are the same; null and empty are two things. */
  public static boolean same(byte[] a, byte[] b) {
    return Arrays.equals(a, b);
  }
}
