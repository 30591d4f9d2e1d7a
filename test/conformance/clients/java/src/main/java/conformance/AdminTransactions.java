package conformance;

import java.util.List;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.TransactionalIdNotFoundException;

/** Steps of the part "admin": producers and their transactions are looked at and ended. */
final class AdminTransactions {
  private static final String TOPIC = "in-transactions";
  private static final TopicPartition PARTITION = new TopicPartition(TOPIC, 0);

  private final Admins part;

  AdminTransactions(Admins part) {
    this.part = part;
  }

  void steps() {
    part.step("describeProducers", this::producers);
    part.step("describeTransactions", this::describe);
    part.step("fenceProducers", this::fence);
    part.step("abortTransaction", this::abort);
  }

  /** A producer in the middle of a transaction that has written. */
  private KafkaProducer<byte[], byte[]> begun(String id) throws Exception {
    var producer = part.clients().producer("transactional.id", id);
    producer.initTransactions();
    producer.beginTransaction();
    producer.send(Clients.toSend(TOPIC, Clients.records(1).get(0))).get();
    return producer;
  }

  private void producers(Admin admin) throws Exception {
    part.needs("DescribeProducers");
    part.clients().createTopic(TOPIC, 1);
    part.clients().send(TOPIC, Clients.records(3));
    var found = admin.describeProducers(List.of(PARTITION)).all().get().get(PARTITION);
    Check.equal("producers", 1, found.activeProducers().size());
    var producer = found.activeProducers().get(0);
    Check.equal("last sequence", 2, producer.lastSequence());
    Check.that(producer.currentTransactionStartOffset().isEmpty(), "it has no transaction");
  }

  private void describe(Admin admin) throws Exception {
    part.needs("DescribeTransactions", "ListTransactions");
    Check.fails("unknown", TransactionalIdNotFoundException.class,
        admin.describeTransactions(List.of("unknown")).all());
    try (var producer = begun("described")) {
      var transaction = admin.describeTransactions(List.of("described")).all().get()
          .get("described");
      Check.equal("state", TransactionState.ONGOING, transaction.state());
      Check.equal("partitions", java.util.Set.of(PARTITION), transaction.topicPartitions());
      var ongoing = new ListTransactionsOptions()
          .filterStates(List.of(TransactionState.ONGOING));
      var listed = admin.listTransactions(ongoing).all().get();
      Check.equal("listed", List.of("described"),
          listed.stream().map(each -> each.transactionalId()).toList());
      producer.commitTransaction();
    }
  }

  private void fence(Admin admin) throws Exception {
    part.needs("AddPartitionsToTxn");
    try (var producer = begun("fenced")) {
      admin.fenceProducers(List.of("fenced")).all().get();
      Check.fails("commit", ProducerFencedException.class, () -> {
        producer.commitTransaction();
        return "committed";
      });
    }
  }

  /** Ends the transaction of one partition behind the coordinator's back (KIP-664). */
  private void abort(Admin admin) throws Exception {
    part.needs("WriteTxnMarkers", "DescribeProducers");
    try (var producer = begun("aborted")) {
      var open = admin.describeProducers(List.of(PARTITION)).all().get().get(PARTITION)
          .activeProducers().stream()
          .filter(each -> each.currentTransactionStartOffset().isPresent())
          .findFirst().orElseThrow();
      var spec = new AbortTransactionSpec(
          PARTITION, open.producerId(), (short) open.producerEpoch(), 0);
      admin.abortTransaction(spec).all().get();
      var after = admin.describeProducers(List.of(PARTITION)).all().get().get(PARTITION);
      boolean stillOpen = after.activeProducers().stream()
          .anyMatch(each -> each.currentTransactionStartOffset().isPresent());
      Check.equal("still open", false, stillOpen);
    }
  }
}
