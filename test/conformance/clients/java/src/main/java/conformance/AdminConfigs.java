package conformance;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.AlterConfigsOptions;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigSource;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.ConfigResource.Type;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidRequestException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Steps of the part "admin": configurations are described and altered. */
final class AdminConfigs {
  private static final ConfigResource TOPIC = new ConfigResource(Type.TOPIC, "configured");
  private static final ConfigResource BROKER = new ConfigResource(Type.BROKER, "1");

  private final Admins part;

  AdminConfigs(Admins part) {
    this.part = part;
  }

  void steps() {
    part.step("describeConfigs", this::describe);
    part.step("describeConfigs, of a broker", this::describeBroker);
    part.step("incrementalAlterConfigs", this::alter);
    part.step("incrementalAlterConfigs, refused", this::refused);
    part.step("incrementalAlterConfigs, of a broker", this::alterBroker);
  }

  static Config configs(Admin admin, ConfigResource resource) throws Exception {
    return admin.describeConfigs(List.of(resource)).all().get().get(resource);
  }

  private void describe(Admin admin) throws Exception {
    var topic = new NewTopic("configured", 1, (short) 1);
    admin.createTopics(List.of(topic.configs(Map.of("max.message.bytes", "2000")))).all().get();
    var options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
    var unknown = new ConfigResource(Type.TOPIC, "unknown");
    var found = admin.describeConfigs(List.of(TOPIC, unknown), options).values();
    Check.fails("unknown", UnknownTopicOrPartitionException.class, found.get(unknown));
    var entry = found.get(TOPIC).get().get("retention.ms");
    Check.equal("value", "604800000", entry.value());
    Check.equal("source", ConfigSource.DEFAULT_CONFIG, entry.source());
    Check.equal("type", ConfigEntry.ConfigType.LONG, entry.type());
    Check.that(!entry.documentation().isEmpty(), "it has a documentation");
    Check.equal("read only", false, entry.isReadOnly());
    var synonyms = found.get(TOPIC).get().get("max.message.bytes").synonyms().stream()
        .map(synonym -> synonym.source() + " " + synonym.name()).toList();
    Check.equal("synonyms", List.of(
        "DYNAMIC_TOPIC_CONFIG max.message.bytes", "DEFAULT_CONFIG message.max.bytes"), synonyms);
    // Without them Kafka Streams does not start.
    for (String name : List.of("cleanup.policy", "retention.bytes", "min.compaction.lag.ms")) {
      Check.that(found.get(TOPIC).get().get(name) != null, name + " is described");
    }
  }

  private void describeBroker(Admin admin) throws Exception {
    var configs = configs(admin, BROKER);
    for (String name : List.of("num.partitions", "default.replication.factor", "log.dirs")) {
      Check.that(configs.get(name) != null, name + " is described");
    }
    Check.equal("node.id", "1", configs.get("node.id").value());
    Check.equal("node.id is read only", true, configs.get("node.id").isReadOnly());
    configs(admin, new ConfigResource(Type.BROKER, ""));
    // The client waits for a broker of this number, so that it is not even asked.
    var briefly = new DescribeConfigsOptions().timeoutMs(1_000);
    var other = List.of(new ConfigResource(Type.BROKER, "7"));
    Check.fails("another broker", TimeoutException.class,
        admin.describeConfigs(other, briefly).all());
  }

  private static KafkaFuture<Void> change(
      Admin admin, ConfigResource resource, AlterConfigsOptions options, AlterConfigOp... changes) {
    Map<ConfigResource, Collection<AlterConfigOp>> all = Map.of(resource, List.of(changes));
    return admin.incrementalAlterConfigs(all, options).all();
  }

  private static AlterConfigOp op(OpType type, String name, String value) {
    return new AlterConfigOp(new ConfigEntry(name, value), type);
  }

  private void alter(Admin admin) throws Exception {
    var options = new AlterConfigsOptions();
    change(admin, TOPIC, options,
        op(OpType.SET, "retention.ms", "1000"),
        op(OpType.APPEND, "cleanup.policy", "compact")).get();
    var changed = configs(admin, TOPIC);
    Check.equal("retention.ms", "1000", changed.get("retention.ms").value());
    var source = ConfigSource.DYNAMIC_TOPIC_CONFIG;
    Check.equal("source", source, changed.get("retention.ms").source());
    Check.equal("cleanup.policy", "delete,compact", changed.get("cleanup.policy").value());
    change(admin, TOPIC, options,
        op(OpType.DELETE, "retention.ms", null),
        op(OpType.SUBTRACT, "cleanup.policy", "delete")).get();
    var back = configs(admin, TOPIC);
    Check.equal("retention.ms", "604800000", back.get("retention.ms").value());
    Check.equal("cleanup.policy", "compact", back.get("cleanup.policy").value());
    var only = new AlterConfigsOptions().validateOnly(true);
    change(admin, TOPIC, only, op(OpType.SET, "retention.ms", "5")).get();
    Check.equal("validated", "604800000", configs(admin, TOPIC).get("retention.ms").value());
  }

  private void refused(Admin admin) throws Exception {
    var options = new AlterConfigsOptions();
    var invalid = InvalidConfigurationException.class;
    Check.fails("no number", invalid,
        change(admin, TOPIC, options, op(OpType.SET, "retention.ms", "long")));
    Check.fails("no config", invalid,
        change(admin, TOPIC, options, op(OpType.SET, "retention", "1")));
    Check.fails("no list", invalid,
        change(admin, TOPIC, options, op(OpType.APPEND, "retention.ms", "1")));
    Check.fails("twice", InvalidRequestException.class, change(admin, TOPIC, options,
        op(OpType.SET, "retention.ms", "1"), op(OpType.SET, "retention.ms", "2")));
    Check.fails("unknown", UnknownTopicOrPartitionException.class, change(admin,
        new ConfigResource(Type.TOPIC, "unknown"), options, op(OpType.SET, "retention.ms", "1")));
    Check.equal("unchanged", "604800000", configs(admin, TOPIC).get("retention.ms").value());
  }

  private void alterBroker(Admin admin) throws Exception {
    var options = new AlterConfigsOptions();
    var everyBroker = new ConfigResource(Type.BROKER, "");
    String name = "log.retention.ms";
    change(admin, everyBroker, options, op(OpType.SET, name, "7000000")).get();
    change(admin, BROKER, options, op(OpType.SET, name, "8000000")).get();
    Check.until("the broker has it", () ->
        "8000000".equals(configs(admin, BROKER).get(name).value()));
    var source = ConfigSource.DYNAMIC_BROKER_CONFIG;
    Check.equal("source", source, configs(admin, BROKER).get(name).source());
    Check.equal("its topics have it", "8000000",
        configs(admin, new ConfigResource(Type.TOPIC, "created")).get("retention.ms").value());
    change(admin, BROKER, options, op(OpType.DELETE, name, null)).get();
    Check.until("the default counts", () ->
        "7000000".equals(configs(admin, BROKER).get(name).value()));
    change(admin, everyBroker, options, op(OpType.DELETE, name, null)).get();
    Check.fails("read only", InvalidRequestException.class,
        change(admin, BROKER, options, op(OpType.SET, "node.id", "2")));
  }
}
