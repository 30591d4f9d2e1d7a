package conformance;

import static conformance.Tool.contains;
import static conformance.Tool.lines;
import static conformance.Tool.narrow;
import static conformance.Tool.with;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The part "tools": what people type, kafka-topics.sh and the others. */
final class Tools {
  static final String TOPIC = "tooled";

  private final Run run;
  private final Clients clients;
  private final Tool tool;

  Tools(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
    this.tool = new Tool(run.bootstrap);
  }

  void steps() {
    run.step("kafka-topics", this::topics);
    run.step("kafka-console-producer, -consumer", this::console);
    run.step("kafka-get-offsets", this::getOffsets);
    new ToolsOfGroups(run, clients).steps();
    run.step("kafka-delete-records", this::deleteRecords);
    run.step("kafka-producer-perf-test, -consumer-perf-test", this::performance);
    run.step("kafka-producer-perf-test, transactions", this::transactionPerformance);
    run.step("kafka-e2e-latency", this::latency);
    run.step("kafka-verifiable-producer, -consumer", this::verifiable);
    run.step("ClientCompatibilityTest", this::compatibility);
    run.step("LogCompactionTester", this::compacted);
    run.step("kafka-transactions", () -> {
      run.needs("ListTransactions");
      contains(tool.run("TransactionsCommand", "list"), "TransactionalId");
    });
    new ToolsOfCluster(run).steps();
    run.step("kafka-topics, --delete", () -> {
      tool.run("TopicCommand", "--delete", "--topic", TOPIC);
      Check.until("it is gone", () -> !lines(tool.run("TopicCommand", "--list")).contains(TOPIC));
    });
  }

  private void topics() throws Exception {
    String[] create = {"--create", "--topic", TOPIC, "--partitions", "3",
        "--replication-factor", "1", "--config", "retention.ms=86400000"};
    contains(tool.run("TopicCommand", create), "Created topic " + TOPIC);
    var again = tool.outcome("", "TopicCommand", create);
    Check.equal("status of creating it again", 1, again.status());
    contains(again.output(), "already exists");
    tool.run("TopicCommand", "--create", "--if-not-exists", "--topic", TOPIC);
    Check.that(lines(tool.run("TopicCommand", "--list")).contains(TOPIC), "it is listed");
    String described = narrow(tool.run("TopicCommand", "--describe", "--topic", TOPIC));
    contains(described, "PartitionCount: 3", "ReplicationFactor: 1", "retention.ms=86400000",
        "Partition: 2 Leader: 1 Replicas: 1 Isr: 1");
    tool.run("TopicCommand", "--alter", "--topic", TOPIC, "--partitions", "4");
    described = narrow(tool.run("TopicCommand", "--describe", "--topic", TOPIC));
    contains(described, "PartitionCount: 4");
    Check.equal("under-replicated", "",
        tool.run("TopicCommand", "--describe", "--under-replicated-partitions").strip());
    Check.equal("unavailable", "",
        tool.run("TopicCommand", "--describe", "--unavailable-partitions").strip());
    contains(tool.run("TopicCommand", "--describe", "--topics-with-overrides"), TOPIC);
  }

  private void console() throws Exception {
    String topic = "console";
    tool.run("TopicCommand", "--create", "--topic", topic, "--partitions", "1");
    String[] keys = {"--property", "parse.key=true", "--property", "key.separator=:"};
    tool.typed("a:one\nb:two\nc:three\n", "ConsoleProducer",
        with(keys, "--topic", topic, "--compression-codec", "lz4"));
    String[] shown = {"--property", "print.key=true", "--property", "print.offset=true",
        "--property", "print.partition=true", "--topic", topic, "--timeout-ms", "30000"};
    String said = tool.run("consumer.ConsoleConsumer",
        with(shown, "--from-beginning", "--max-messages", "3"));
    contains(said, "one", "two", "three", "Partition:0", "Offset:2");
    said = tool.run("consumer.ConsoleConsumer",
        with(shown, "--partition", "0", "--offset", "1", "--max-messages", "2"));
    contains(said, "two", "three");
    Check.that(!said.contains("one"), "it begins behind the first");
    said = tool.run("consumer.ConsoleConsumer",
        with(shown, "--group", "console", "--from-beginning", "--max-messages", "2"));
    contains(said, "one", "two");
    said = tool.run("consumer.ConsoleConsumer",
        with(shown, "--group", "console", "--max-messages", "1"));
    contains(said, "three");
  }

  private void getOffsets() throws Exception {
    String[] topic = {"--topic", "console"};
    contains(tool.run("GetOffsetShell", topic), "console:0:3");
    for (String time : List.of("latest", "-1")) {
      contains(tool.run("GetOffsetShell", with(topic, "--time", time)), "console:0:3");
    }
    for (String time : List.of("earliest", "-2", "earliest-local", "-4", "0")) {
      contains(tool.run("GetOffsetShell", with(topic, "--time", time)), "console:0:0");
    }
    contains(tool.run("GetOffsetShell", with(topic, "--time", "max-timestamp")), "console:0:");
    tool.run("GetOffsetShell", "--topic-partitions", "console:0,tooled:0-2");
    tool.run("GetOffsetShell");
  }

  private void deleteRecords() throws Exception {
    var file = Files.createTempFile(Path.of("."), "delete", ".json");
    Files.writeString(file, """
        {"version": 1, "partitions": [{"topic": "console", "partition": 0, "offset": 2}]}""");
    String said = tool.run("DeleteRecordsCommand", "--offset-json-file", file.toString());
    contains(said, "low_watermark: 2");
    contains(tool.run("GetOffsetShell", "--topic", "console", "--time", "-2"), "console:0:2");
  }

  private void performance() throws Exception {
    String topic = "performance";
    tool.run("TopicCommand", "--create", "--topic", topic, "--partitions", "2");
    var produced = Tool.plain("", "ProducerPerformance", "--topic", topic,
        "--num-records", "20000", "--record-size", "100", "--throughput", "-1",
        "--producer-props", "bootstrap.servers=" + run.bootstrap, "compression.type=zstd");
    contains(produced.output(), "20000 records sent");
    String said = tool.run("ConsumerPerformance", "--topic", topic, "--messages", "20000");
    contains(said, "data.consumed.in.nMsg", ", 20000,");
  }

  private void latency() throws Exception {
    String[] old = {run.bootstrap, "latency", "200", "all", "100"};
    contains(Tool.plain("", "EndToEndLatency", old).output(), "Avg latency: ", "Percentiles");
  }

  private void verifiable() throws Exception {
    String said = tool.run("VerifiableProducer", "--topic", "verifiable", "--max-messages", "100");
    contains(said, "startup_complete");
    // What it says of each record it says later, when nobody listens any more.
    var records = clients.read("verifiable", 100);
    Check.equal("records", 100, records.size());
    Check.equal("last", "99", Clients.text(records.get(99).value()));
    said = tool.run("VerifiableConsumer", "--topic", "verifiable", "--group-id", "verifiable",
        "--reset-policy", "earliest", "--max-messages", "100");
    contains(said, "partitions_assigned", "offsets_committed", "\"offset\":100");
  }

  private void transactionPerformance() throws Exception {
    run.needs("AddPartitionsToTxn", "EndTxn");
    var said = Tool.plain("", "ProducerPerformance", "--topic", "performance",
        "--num-records", "1000", "--record-size", "100", "--throughput", "-1",
        "--transactional-id", "performance", "--transaction-duration-ms", "100",
        "--producer-props", "bootstrap.servers=" + run.bootstrap);
    contains(said.output(), "1000 records sent");
  }

  /** What Kafka's own system tests ask of brokers of every release. */
  private void compatibility() throws Exception {
    String said = tool.run("ClientCompatibilityTest", "--topic", "compatibility",
        "--num-cluster-nodes", "1", "--offsets-for-times-supported", "true",
        "--cluster-id-supported", "true", "--expect-record-too-large-exception", "false",
        "--create-topics-supported", "true", "--describe-configs-supported", "true",
        "--describe-acls-supported", String.valueOf(run.offers("DescribeAcls")),
        "--idempotent-producer-supported", "true");
    contains(said, "SUCCESS.");
  }

  /** While the broker compacts, of each key the last value comes back in the end. */
  private void compacted() throws Exception {
    Tool.demand("LogCompactionTester");
    String[] brokers = {"--entity-type", "brokers", "--entity-default", "--alter"};
    tool.run("ConfigCommand", with(brokers, "--add-config", "log.segment.bytes=1048576,"
        + "log.cleaner.backoff.ms=200,log.cleaner.min.cleanable.ratio=0.01"));
    String said = tool.run("LogCompactionTester", "--messages", "200000", "--duplicates", "20",
        "--percent-deletes", "20", "--sleep", "5");
    contains(said, "0 mismatches", "Data verification is completed");
    Check.that(said.matches("(?s).*\\([5-9]\\d\\.\\d% reduction\\).*"), "it compacts: " + said);
    tool.run("ConfigCommand", with(brokers, "--delete-config",
        "log.segment.bytes,log.cleaner.backoff.ms,log.cleaner.min.cleanable.ratio"));
  }
}
