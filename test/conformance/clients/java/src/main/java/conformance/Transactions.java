package conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** The steps about transactions. */
final class Transactions {
  private static final String TOPIC = "transactions";

  private final Run run;
  private final Clients clients;

  Transactions(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
  }

  void steps() {
    var sent = Clients.records(10);
    Object[] committed = {"isolation.level", "read_committed"};
    run.step("transaction-commit", () -> {
      needsTransactions();
      clients.createTopic(TOPIC, 1);
      transaction(sent, true);
      Check.equal("committed", sent, Clients.plain(clients.read(TOPIC, 10, committed)));
    });
    run.step("transaction-abort", () -> {
      needsTransactions();
      transaction(Clients.records(5), false);
      transaction(sent, true);
      var twice = new ArrayList<>(sent);
      twice.addAll(sent);
      Check.equal("committed", twice, Clients.plain(clients.read(TOPIC, 20, committed)));
      Check.equal("read uncommitted", 25, clients.read(TOPIC, 25).size());
    });
    run.step("transaction-offsets", () -> {
      needsTransactions();
      run.needs("AddOffsetsToTxn", "TxnOffsetCommit");
      transformInGroup(false);
      Check.equal("offsets of an aborted transaction", null, committedOffset());
      transformInGroup(true);
      Check.equal("offset of a committed one", 100L, committedOffset().offset());
    });
  }

  private void needsTransactions() throws NotOffered {
    run.needs("AddPartitionsToTxn", "EndTxn");
  }

  private void transaction(List<Clients.Pair> records, boolean commit) {
    try (var producer = clients.producer("transactional.id", "scenario-1")) {
      producer.initTransactions();
      producer.beginTransaction();
      for (var record : records) producer.send(Clients.toSend(TOPIC, record));
      if (commit) {
        producer.commitTransaction();
        return;
      }
      producer.flush();
      producer.abortTransaction();
    }
  }

  private void transformInGroup(boolean commit) {
    try (var consumer = clients.consumer("group.id", TOPIC);
        var producer = clients.producer("transactional.id", "scenario-2")) {
      consumer.subscribe(List.of("commit-resume"));
      Clients.poll(consumer, 100);
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(Clients.toSend(TOPIC, Clients.records(1).get(0)));
      var offsets = Map.of(new TopicPartition("commit-resume", 0), new OffsetAndMetadata(100));
      producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
      if (commit) producer.commitTransaction();
      else producer.abortTransaction();
    }
  }

  private OffsetAndMetadata committedOffset() throws Exception {
    try (var admin = clients.admin()) {
      var offsets = admin.listConsumerGroupOffsets(TOPIC).partitionsToOffsetAndMetadata().get();
      return offsets.get(new TopicPartition("commit-resume", 0));
    }
  }
}
