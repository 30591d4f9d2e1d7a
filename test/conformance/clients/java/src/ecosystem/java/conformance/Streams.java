package conformance;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.ConfigResource.Type;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;

/** The part "streams": words are counted, by way of a repartition and a changelog topic. */
final class Streams {
  private static final int PARTITIONS = 2;

  private final Run run;
  private final Clients clients;

  Streams(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
  }

  void steps() {
    run.step("word count", () -> wordCount("counted"));
    run.step("internal topics", this::internalTopics);
    run.step("restart with its state", () -> restart("counted", stateOf("counted"), 200));
    run.step("restart without its state", () -> restart("counted", stateOf("anew"), 400));
    run.step("two instances with a standby", this::twoInstances);
    run.step("windows", this::windows);
    run.step("kill of the broker", this::kill);
    run.step("kafka-streams-application-reset", this::reset);
    run.step("exactly once", () -> {
      run.needs("AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn");
      String[] exactly = {"processing.guarantee", "exactly_once_v2"};
      wordCount("exactly", exactly);
      restart("exactly", stateOf("exactly-anew"), 200, exactly);
    });
    run.step("the protocol of streams groups", () -> {
      run.needs("StreamsGroupHeartbeat");
      wordCount("protocol", "group.protocol", "streams");
    });
  }

  /** Where an instance keeps its state; files below the working directory are removed later. */
  private static Path stateOf(String name) {
    return Path.of("state-" + name).toAbsolutePath();
  }

  private KafkaStreams start(String name, Path state, StreamsBuilder builder, String... more)
      throws Exception {
    var properties = new Properties();
    properties.putAll(Map.of(
        "bootstrap.servers", run.bootstrap,
        "application.id", name,
        "state.dir", state.toString(),
        "commit.interval.ms", "100",
        "repartition.purge.interval.ms", "500",
        "statestore.cache.max.bytes", "0",
        // Closing an instance does not leave the group: the next one waits for the session's end.
        "session.timeout.ms", "6000",
        "default.key.serde", Serdes.String().getClass().getName(),
        "default.value.serde", Serdes.String().getClass().getName()));
    for (int i = 0; i < more.length; i += 2) properties.put(more[i], more[i + 1]);
    // Topology optimization is among the properties, so both are given.
    var streams = new KafkaStreams(builder.build(properties), properties);
    streams.start();
    Check.until("it runs", () -> streams.state() == State.RUNNING);
    return streams;
  }

  /** Words of a topic are counted into another; counting by word repartitions them. */
  private static StreamsBuilder counting(String name) {
    var builder = new StreamsBuilder();
    builder.<String, String>stream(name + "-in")
        .flatMapValues(line -> Arrays.asList(line.split(" ")))
        .groupBy((key, word) -> word, Grouped.as("by-word"))
        .count(Materialized.as("counts"))
        .toStream()
        .to(name + "-out", Produced.with(Serdes.String(), Serdes.Long()));
    return builder;
  }

  private void send(String name, int from, int to) throws Exception {
    var lines = IntStream.range(from, to)
        .mapToObj(i -> new Clients.Pair("line-" + i, "all word-" + i % 10))
        .toList();
    clients.send(name + "-in", lines);
  }

  /** The last count of each word in the topic of the results. */
  private Map<String, Long> counts(String name) {
    Map<String, Long> counts = new HashMap<>();
    var partitions = IntStream.range(0, PARTITIONS)
        .mapToObj(partition -> new TopicPartition(name + "-out", partition))
        .toList();
    var isolation = new Object[] {"isolation.level", "read_committed"};
    try (var consumer = clients.consumer(isolation); var longs = new LongDeserializer()) {
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      var ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          counts.put(Clients.text(record.key()), longs.deserialize(null, record.value()));
        }
      }
    }
    return counts;
  }

  private static Map<String, Long> expected(int lines) {
    Map<String, Long> counts = new HashMap<>();
    for (int i = 0; i < lines; i++) counts.merge("word-" + i % 10, 1L, Long::sum);
    counts.put("all", (long) lines);
    return counts;
  }

  private void untilCounted(String name, int lines) throws Exception {
    Check.until(lines + " lines are counted", () -> {
      Check.equal("counts", expected(lines), counts(name));
      return true;
    });
  }

  private void wordCount(String name, String... more) throws Exception {
    clients.createTopic(name + "-in", PARTITIONS);
    clients.createTopic(name + "-out", PARTITIONS);
    send(name, 0, 200);
    try (var streams = start(name, stateOf(name), counting(name), more)) {
      untilCounted(name, 200);
    }
  }

  private void internalTopics() throws Exception {
    var changelog = new ConfigResource(Type.TOPIC, "counted-counts-changelog");
    var repartition = new ConfigResource(Type.TOPIC, "counted-by-word-repartition");
    try (var admin = clients.admin()) {
      var configs = admin.describeConfigs(Set.of(changelog, repartition)).all().get();
      String policy = "cleanup.policy";
      Check.equal("changelog", "compact", configs.get(changelog).get(policy).value());
      Check.equal("repartition", "delete", configs.get(repartition).get(policy).value());
      Check.equal("retention", "-1", configs.get(repartition).get("retention.ms").value());
    }
  }

  /** Goes on where it was: with its files, or with what the changelog topic holds. */
  private void restart(String name, Path state, int before, String... more) throws Exception {
    send(name, before, before + 200);
    try (var streams = start(name, state, counting(name), more)) {
      untilCounted(name, before + 200);
      // What the application has read of the repartition topic, it deletes.
      var partition = new TopicPartition(name + "-by-word-repartition", 0);
      try (var admin = clients.admin()) {
        Check.until("repartitioned records are purged", () ->
            admin.listOffsets(Map.of(partition, OffsetSpec.earliest()))
                .partitionResult(partition).get().offset() > 0);
      }
    }
  }

  private void twoInstances() throws Exception {
    String name = "shared";
    clients.createTopic(name + "-in", PARTITIONS);
    clients.createTopic(name + "-out", PARTITIONS);
    String[] standby = {"num.standby.replicas", "1", "heartbeat.interval.ms", "500",
        "acceptable.recovery.lag", "0", "probing.rebalance.interval.ms", "60000"};
    send(name, 0, 200);
    try (var first = start(name, stateOf("shared-1"), counting(name), standby)) {
      untilCounted(name, 200);
      try (var second = start(name, stateOf("shared-2"), counting(name), standby)) {
        send(name, 200, 400);
        untilCounted(name, 400);
        Check.until("both have tasks", () -> hasTasks(first) && hasTasks(second));
      }
      send(name, 400, 600);
      untilCounted(name, 600);
    }
  }

  private static boolean hasTasks(KafkaStreams streams) {
    return streams.metadataForLocalThreads().stream()
        .anyMatch(each -> !each.activeTasks().isEmpty() || !each.standbyTasks().isEmpty());
  }

  private void windows() throws Exception {
    clients.createTopic("windowed-in", PARTITIONS);
    clients.createTopic("windowed-out", PARTITIONS);
    var builder = new StreamsBuilder();
    builder.<String, String>stream("windowed-in")
        .groupBy((key, line) -> "lines", Grouped.as("all"))
        .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofHours(24)))
        .count(Materialized.as("per-day"))
        .toStream((window, count) -> window.key())
        .to("windowed-out", Produced.with(Serdes.String(), Serdes.Long()));
    send("windowed", 0, 50);
    try (var streams = start("windowed", stateOf("windowed"), builder);
        var admin = clients.admin()) {
      Check.until("the lines are counted", () -> counts("windowed").get("lines") == 50);
      var changelog = new ConfigResource(Type.TOPIC, "windowed-per-day-changelog");
      var configs = admin.describeConfigs(List.of(changelog)).all().get().get(changelog);
      Check.equal("policies", Set.of("compact", "delete"),
          Set.of(configs.get("cleanup.policy").value().split(",")));
    }
  }

  /** At least once: counts may be too high after a kill, never too low. */
  private void kill() throws Exception {
    String name = "killed";
    clients.createTopic(name + "-in", PARTITIONS);
    clients.createTopic(name + "-out", PARTITIONS);
    send(name, 0, 300);
    try (var streams = start(name, stateOf(name), counting(name))) {
      Check.until("some are counted", () -> counts(name).containsKey("all"));
      run.killAndRestart();
      send(name, 300, 600);
      Check.until("everything is counted", () -> {
        var counts = counts(name);
        return expected(600).entrySet().stream()
            .allMatch(each -> counts.getOrDefault(each.getKey(), 0L) >= each.getValue());
      });
      Check.equal("state", State.RUNNING, streams.state());
    }
  }

  private void reset() throws Exception {
    var tool = new Tool(run.bootstrap);
    String said = tool.run("StreamsResetter", "--application-id", "counted",
        "--input-topics", "counted-in", "--force");
    Check.that(said.contains("counted-counts-changelog"), "internal topics are deleted: " + said);
    try (var admin = clients.admin()) {
      Check.until("internal topics are gone", () -> admin.listTopics().names().get().stream()
          .noneMatch(each -> each.startsWith("counted-") && each.endsWith("-changelog")));
    }
    Check.that(Files.exists(stateOf("counted")), "the state is left to the application");
    try (var streams = start("counted", stateOf("counted-reset"), counting("counted"))) {
      untilCounted("counted", 600);
    }
  }
}
