package conformance;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;

/** A member of a group that polls in a thread of its own and remembers what it is assigned. */
final class Member implements AutoCloseable, ConsumerRebalanceListener {
  /** How often partitions were taken away, be it to be given back. */
  final AtomicInteger revocations = new AtomicInteger();
  /** How often partitions were assigned, none included. */
  final AtomicInteger assignments = new AtomicInteger();
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Set<TopicPartition> partitions = ConcurrentHashMap.newKeySet();
  private final Thread thread;
  private volatile boolean closed;

  Member(KafkaConsumer<byte[], byte[]> consumer, String topic) {
    this(consumer, topic, record -> {});
  }

  Member(
      KafkaConsumer<byte[], byte[]> consumer,
      String topic,
      Consumer<ConsumerRecord<byte[], byte[]>> onRecord) {
    this.consumer = consumer;
    consumer.subscribe(List.of(topic), this);
    thread = new Thread(() -> {
      try (consumer) {
        while (!closed) consumer.poll(Duration.ofMillis(200)).forEach(onRecord);
      } catch (WakeupException woken) {
        // It is being closed.
      }
    }, "member");
    thread.setDaemon(true);
    thread.start();
  }

  int count() {
    return partitions.size();
  }

  Set<TopicPartition> partitions() {
    return Set.copyOf(partitions);
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
    partitions.addAll(assigned);
    assignments.incrementAndGet();
  }

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
    revoked.forEach(partitions::remove);
    if (!revoked.isEmpty()) revocations.incrementAndGet();
  }

  /** Leaves the group, unless the membership is static. */
  @Override
  public void close() throws InterruptedException {
    closed = true;
    consumer.wakeup();
    thread.join();
  }
}
