package conformance;

import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** The step that produces one record after the other while the broker is killed and comes back. */
final class KillRestart {
  private static final String TOPIC = "kill-restart";

  private final Run run;
  private final Clients clients;

  KillRestart(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
  }

  void step() {
    run.step("kill-restart", this::survive);
  }

  private void survive() throws Exception {
    var partition = new TopicPartition(TOPIC, 0);
    clients.createTopic(TOPIC, 1);
    try (var admin = clients.admin()) {
      var offsets = Map.of(partition, new OffsetAndMetadata(7));
      admin.alterConsumerGroupOffsets(TOPIC, offsets).all().get();
    }
    Queue<String> acknowledged = new ConcurrentLinkedQueue<>();
    produceThroughKill(acknowledged);
    var read = Clients.values(clients.read(TOPIC, acknowledged.size()));
    var lost = Check.lost(acknowledged, read);
    Check.equal("acknowledged and lost", List.of(), lost);
    Check.equal("read, by an idempotent producer", List.copyOf(acknowledged), read);
    try (var admin = clients.admin()) {
      var offsets = admin.listConsumerGroupOffsets(TOPIC).partitionsToOffsetAndMetadata().get();
      Check.equal("committed offset", 7L, offsets.get(partition).offset());
    }
  }

  private void produceThroughKill(Queue<String> acknowledged) throws Exception {
    var stop = new AtomicBoolean();
    try (var producer = clients.producer()) {
      var produced = new FutureTask<Void>(() -> {
        for (int i = 0; !stop.get(); i++) {
          var record = new Clients.Pair(null, "value-" + i);
          producer.send(Clients.toSend(TOPIC, record)).get();
          acknowledged.add(record.value());
        }
        return null;
      });
      new Thread(produced, "producer").start();
      Check.until("50 acknowledged", () -> acknowledged.size() >= 50);
      run.killAndRestart();
      int before = acknowledged.size();
      Check.until("50 more acknowledged", () -> acknowledged.size() >= before + 50);
      stop.set(true);
      produced.get();
    }
  }
}
