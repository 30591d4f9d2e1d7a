package conformance;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The steps about the cluster, topics and their configuration. */
final class Topics {
  private static final ConfigResource SCENARIO =
      new ConfigResource(ConfigResource.Type.TOPIC, "scenario");

  private final Run run;
  private final Clients clients;

  Topics(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
  }

  void createAndDescribe() {
    step("describe-cluster", admin -> {
      var cluster = admin.describeCluster();
      Check.equal("brokers", 1, cluster.nodes().get().size());
      int node = cluster.nodes().get().iterator().next().id();
      Check.equal("controller", node, cluster.controller().get().id());
      Check.that(!cluster.clusterId().get().isEmpty(), "the cluster has an id");
    });
    step("create-topic", admin -> {
      var configs = Map.of("retention.ms", "86400000");
      var topic = new NewTopic("scenario", 4, (short) 1).configs(configs);
      admin.createTopics(List.of(topic)).all().get();
      var again = admin.createTopics(List.of(topic)).all();
      Check.fails("created again", TopicExistsException.class, again);
    });
    step("describe-topics", admin -> {
      var described = admin.describeTopics(List.of("scenario", "unknown")).topicNameValues();
      var unknown = UnknownTopicOrPartitionException.class;
      Check.fails("unknown", unknown, described.get("unknown"));
      var partitions = described.get("scenario").get().partitions();
      Check.equal("partitions", 4, partitions.size());
      for (var partition : partitions) Check.equal("leader", 1, partition.leader().id());
    });
  }

  void configure() {
    step("describe-configs", admin -> {
      var retention = configs(admin, SCENARIO).get("retention.ms");
      Check.equal("retention.ms", "86400000", retention.value());
      var source = ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG;
      Check.equal("source of retention.ms", source, retention.source());
      var broker = configs(admin, new ConfigResource(ConfigResource.Type.BROKER, "1"));
      Check.that(broker.entries().size() > 10, "the broker has configs");
    });
    step("alter-configs", admin -> {
      alter(admin, "2000000");
      String changed = configs(admin, SCENARIO).get("max.message.bytes").value();
      Check.equal("max.message.bytes", "2000000", changed);
      String kept = configs(admin, SCENARIO).get("retention.ms").value();
      Check.equal("retention.ms", "86400000", kept);
      Check.fails("no number", InvalidConfigurationException.class, () -> {
        alter(admin, "no number");
        return "altered";
      });
    });
  }

  private static Config configs(Admin admin, ConfigResource resource) throws Exception {
    return admin.describeConfigs(List.of(resource)).all().get().get(resource);
  }

  private static void alter(Admin admin, String maxMessageBytes) throws Exception {
    var entry = new ConfigEntry("max.message.bytes", maxMessageBytes);
    var changes = Map.of(SCENARIO, List.of(new AlterConfigOp(entry, OpType.SET)));
    admin.incrementalAlterConfigs(Map.copyOf(changes)).all().get();
  }

  void changeRecordsAndPartitions() {
    step("delete-records", admin -> {
      clients.createTopic("delete-records", 1);
      clients.send("delete-records", Clients.records(100));
      var partition = new TopicPartition("delete-records", 0);
      var before = Map.of(partition, RecordsToDelete.beforeOffset(30));
      long low = admin.deleteRecords(before).lowWatermarks().get(partition).get().lowWatermark();
      Check.equal("low watermark", 30L, low);
      var earliest = admin.listOffsets(Map.of(partition, OffsetSpec.earliest()));
      Check.equal("earliest offset", 30L, earliest.partitionResult(partition).get().offset());
      long first = clients.read("delete-records", 70).get(0).offset();
      Check.equal("first record", 30L, first);
    });
    step("create-partitions", admin -> {
      admin.createPartitions(Map.of("scenario", NewPartitions.increaseTo(6))).all().get();
      var topics = admin.describeTopics(List.of("scenario")).allTopicNames().get();
      Check.equal("partitions", 6, topics.get("scenario").partitions().size());
      var fewer = admin.createPartitions(Map.of("scenario", NewPartitions.increaseTo(5))).all();
      Check.fails("fewer", InvalidPartitionsException.class, fewer);
    });
  }

  void delete() {
    step("delete-topic", admin -> {
      admin.deleteTopics(List.of("scenario")).all().get();
      var unknown = UnknownTopicOrPartitionException.class;
      // Apache Kafka's brokers hear of a deletion a moment after the controller.
      Check.until("the topic is gone", () -> !names(admin).contains("scenario"));
      Check.fails("described", unknown, admin.describeTopics(List.of("scenario")).allTopicNames());
      Check.fails("deleted again", unknown, admin.deleteTopics(List.of("scenario")).all());
    });
  }

  private static Set<String> names(Admin admin) throws InterruptedException, ExecutionException {
    return admin.listTopics().names().get();
  }

  @FunctionalInterface
  private interface AdminStep {
    void run(Admin admin) throws Exception;
  }

  private void step(String name, AdminStep step) {
    run.step(name, () -> {
      try (var admin = clients.admin()) {
        step.run(admin);
      }
    });
  }
}
