package conformance;

import static conformance.Tool.contains;
import static conformance.Tool.with;

import java.nio.file.Files;
import java.nio.file.Path;

/** Tools around configs, brokers, partitions and who may do what. */
final class ToolsOfCluster {
  private static final String TOPIC = Tools.TOPIC;

  private final Run run;
  private final Tool tool;

  ToolsOfCluster(Run run) {
    this.run = run;
    this.tool = new Tool(run.bootstrap);
  }

  void steps() {
    run.step("kafka-configs", this::configs);
    run.step("kafka-configs, of groups", () -> {
      run.needs("ConsumerGroupHeartbeat");
      altersEntity("groups", "console", "consumer.session.timeout.ms=50000");
    });
    run.step("kafka-configs, SCRAM", () -> {
      run.needs("AlterUserScramCredentials");
      altersEntity("users", "alice", "SCRAM-SHA-256=[password=secret]");
    });
    run.step("kafka-configs, quotas", () -> {
      run.needs("AlterClientQuotas");
      altersEntity("clients", "greedy", "consumer_byte_rate=1024");
    });
    run.step("kafka-client-metrics", () -> {
      run.needs("ListConfigResources");
      tool.run("ClientMetricsCommand", "--list");
    });
    run.step("kafka-log-dirs", this::logDirs);
    run.step("kafka-broker-api-versions", () -> {
      String said = tool.run("BrokerApiVersionsCommand");
      contains(said, "(id: 1 rack: null", "Produce(0): ", "Fetch(1): ", "ApiVersions(18): ");
    });
    run.step("kafka-leader-election", this::leaderElection);
    run.step("kafka-reassign-partitions", this::reassign);
    run.step("kafka-cluster", () -> contains(cluster("cluster-id"), "Cluster ID: "));
    run.step("kafka-cluster list-endpoints", () -> {
      if (run.version.startsWith("3.")) throw NotOffered.byClient("this release cannot");
      contains(cluster("list-endpoints"), "127.0.0.1");
    });
    run.step("kafka-features", () -> {
      String said = tool.run("FeatureCommand", "describe");
      if (said.isBlank()) throw NotOffered.byBroker("it answers, but has no versioned features");
      contains(said, "Feature: metadata.version");
    });
    run.step("kafka-features, upgrade", () -> {
      run.needs("UpdateFeatures");
      tool.run("FeatureCommand", "upgrade", "--feature", "group.version=1", "--dry-run");
    });
    run.step("kafka-metadata-quorum", () -> {
      run.needs("DescribeQuorum");
      contains(tool.run("MetadataQuorumCommand", "describe", "--status"), "LeaderId");
    });
    run.step("kafka-acls", () -> {
      run.needs("DescribeAcls");
      worksUnlessDisabled("AclCommand", "SecurityDisabledException", "--list");
    });
    run.step("kafka-delegation-tokens", () -> {
      run.needs("DescribeDelegationToken");
      var config = Files.createTempFile(Path.of("."), "empty", ".properties");
      worksUnlessDisabled("DelegationTokenCommand", "Delegation Token requests are not allowed",
          "--describe", "--command-config", config.toString());
    });
  }

  private void altersEntity(String type, String name, String config) throws Exception {
    String[] entity = {"--entity-type", type, "--entity-name", name};
    tool.run("ConfigCommand", with(entity, "--alter", "--add-config", config));
    String key = config.substring(0, config.indexOf('='));
    Check.until("it has changed", () ->
        tool.run("ConfigCommand", with(entity, "--describe")).contains(key + "="));
  }

  private void worksUnlessDisabled(String name, String error, String... arguments)
      throws Exception {
    var outcome = tool.outcome("", name, arguments);
    if (outcome.output().contains(error)) throw NotOffered.byBroker("it answers: " + error);
    Check.equal("status of " + name, 0, outcome.status());
  }

  private String cluster(String command) throws Exception {
    return Tool.plain("", "ClusterTool", command, "--bootstrap-server", run.bootstrap).output();
  }

  private void configs() throws Exception {
    String[] topic = {"--entity-type", "topics", "--entity-name", TOPIC};
    tool.run("ConfigCommand",
        with(topic, "--alter", "--add-config", "max.message.bytes=2000000"));
    contains(tool.run("ConfigCommand", with(topic, "--describe")), "max.message.bytes=2000000");
    contains(tool.run("ConfigCommand", with(topic, "--describe", "--all")),
        "retention.ms=86400000", "cleanup.policy=delete");
    tool.run("ConfigCommand", with(topic, "--alter", "--delete-config", "max.message.bytes"));
    String described = tool.run("ConfigCommand", with(topic, "--describe"));
    Check.that(!described.contains("max.message.bytes"), "it is deleted: " + described);
    var invalid = tool.outcome("", "ConfigCommand",
        with(topic, "--alter", "--add-config", "retention.ms=long"));
    Check.equal("status of an invalid config", 1, invalid.status());
    String[] broker = {"--entity-type", "brokers", "--entity-name", "1"};
    contains(tool.run("ConfigCommand", with(broker, "--describe", "--all")), "num.partitions=1");
    tool.run("ConfigCommand", with(broker, "--alter", "--add-config", "log.retention.ms=7000000"));
    Check.until("the broker has it", () ->
        tool.run("ConfigCommand", with(broker, "--describe")).contains("log.retention.ms=7000000"));
    tool.run("ConfigCommand", with(broker, "--alter", "--delete-config", "log.retention.ms"));
    tool.run("ConfigCommand", "--entity-type", "topics", "--describe");
  }

  private void logDirs() throws Exception {
    contains(tool.run("LogDirsCommand", "--describe"), "\"partition\":\"console-0\"");
    String said = tool.run("LogDirsCommand", "--describe", "--topic-list", "console");
    contains(said, "\"broker\":1", "\"size\":", "\"partition\":\"console-0\"");
    Check.that(!said.contains(TOPIC), "only what was asked for");
  }

  private void leaderElection() throws Exception {
    String[] one = {"--election-type", "preferred", "--topic", TOPIC, "--partition", "0"};
    contains(tool.run("LeaderElectionCommand", one), "Valid replica already elected");
    tool.run("LeaderElectionCommand", "--election-type", "preferred", "--all-topic-partitions");
    var unclean = tool.run("LeaderElectionCommand", "--election-type", "unclean",
        "--topic", TOPIC, "--partition", "0");
    contains(unclean, "Valid replica already elected");
  }

  private void reassign() throws Exception {
    String name = "reassign.ReassignPartitionsCommand";
    var topics = Files.createTempFile(Path.of("."), "topics", ".json");
    Files.writeString(topics, """
        {"version": 1, "topics": [{"topic": "console"}]}""");
    String generated = tool.run(name, "--generate", "--broker-list", "1",
        "--topics-to-move-json-file", topics.toString());
    contains(generated, "Proposed partition reassignment configuration");
    var plan = Files.createTempFile(Path.of("."), "plan", ".json");
    Files.writeString(plan, generated.substring(generated.lastIndexOf("{\"version\"")));
    String[] file = {"--reassignment-json-file", plan.toString()};
    contains(tool.run(name, with(file, "--execute")), "Successfully started");
    contains(tool.run(name, with(file, "--verify")), "is completed");
    tool.run(name, with(file, "--execute", "--throttle", "1000000",
        "--replica-alter-log-dirs-throttle", "1000000"));
    tool.run(name, with(file, "--verify"));
    tool.run(name, with(file, "--cancel"));
    contains(tool.run(name, "--list"), "No partition reassignments found");
  }
}
