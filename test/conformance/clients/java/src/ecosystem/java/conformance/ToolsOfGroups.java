package conformance;

import static conformance.Tool.contains;
import static conformance.Tool.narrow;
import static conformance.Tool.with;

import java.util.List;

/** Tools around groups, of every kind that Kafka has. */
final class ToolsOfGroups {
  private static final String COMMAND = "consumer.group.ConsumerGroupCommand";

  private final Run run;
  private final Clients clients;
  private final Tool tool;

  ToolsOfGroups(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
    this.tool = new Tool(run.bootstrap);
  }

  void steps() {
    run.step("kafka-console-consumer, of __consumer_offsets", this::offsetsTopic);
    run.step("kafka-consumer-groups", this::consumerGroups);
    run.step("kafka-consumer-groups, with a member", this::groupWithMember);
    run.step("kafka-groups", this::groups);
    run.step("kafka-console-consumer, KIP-848", () -> {
      run.needs("ConsumerGroupHeartbeat");
      contains(consume("console-kip-848", "--consumer-property", "group.protocol=consumer"), "two");
    });
    run.step("kafka-console-share-consumer", this::share);
    run.step("kafka-share-groups", () -> {
      Tool.demand("consumer.group.ShareGroupCommand");
      run.needs("ShareGroupDescribe", "DescribeShareGroupOffsets");
      String[] group = {"--group", "console-share"};
      String name = "consumer.group.ShareGroupCommand";
      contains(tool.run(name, "--list"), "console-share");
      contains(narrow(tool.run(name, with(group, "--describe"))), "console-share console 0");
    });
    run.step("kafka-streams-groups", () -> {
      Tool.demand("streams.StreamsGroupCommand");
      run.needs("StreamsGroupDescribe");
      tool.run("streams.StreamsGroupCommand", "--list");
    });
  }

  private String consume(String group, String... more) throws Exception {
    String[] options = {"--topic", "console", "--group", group, "--timeout-ms", "30000",
        "--from-beginning", "--max-messages", "3"};
    return tool.run("consumer.ConsoleConsumer", with(options, more));
  }

  private void offsetsTopic() throws Exception {
    // It reads until nothing more comes, and takes that for a failure.
    var read = tool.outcome("", "consumer.ConsoleConsumer", "--topic", "__consumer_offsets",
        "--formatter", "org.apache.kafka.tools.consumer.OffsetsMessageFormatter",
        "--from-beginning", "--timeout-ms", "3000");
    contains(read.output(), "\"group\":\"console\"", "\"topic\":\"console\"");
  }

  private void share() throws Exception {
    Tool.demand("consumer.ConsoleShareConsumer");
    run.needs("ShareGroupHeartbeat", "ShareFetch", "ShareAcknowledge");
    String[] group = {"--entity-type", "groups", "--entity-name", "console-share"};
    tool.run("ConfigCommand",
        with(group, "--alter", "--add-config", "share.auto.offset.reset=earliest"));
    String said = tool.run("consumer.ConsoleShareConsumer", "--topic", "console",
        "--group", "console-share", "--max-messages", "3", "--timeout-ms", "30000");
    contains(said, "one", "two", "three");
  }

  private void consumerGroups() throws Exception {
    String[] group = {"--group", "console"};
    contains(tool.run(COMMAND, "--list"), "console");
    contains(narrow(tool.run(COMMAND, "--list", "--state")), "console Empty");
    String described = narrow(tool.run(COMMAND, with(group, "--describe")));
    contains(described, "console console 0 3 3 0");
    contains(narrow(tool.run(COMMAND, with(group, "--describe", "--state"))), "Empty 0");
    String[] reset = with(group, "--reset-offsets", "--topic", "console");
    contains(narrow(tool.run(COMMAND, with(reset, "--to-earliest", "--dry-run"))), "console 0 0");
    contains(narrow(tool.run(COMMAND, with(reset, "--to-offset", "2", "--execute"))),
        "console 0 2");
    contains(narrow(tool.run(COMMAND, with(reset, "--shift-by", "-1", "--execute"))),
        "console 0 1");
    contains(narrow(tool.run(COMMAND, with(reset, "--to-latest", "--execute"))), "console 0 3");
    contains(narrow(tool.run(COMMAND, with(reset, "--by-duration", "PT1H", "--execute"))),
        "console 0 0");
    contains(tool.run(COMMAND, with(group, "--delete-offsets", "--topic", "console")), "console");
    contains(tool.run(COMMAND, with(group, "--delete")), "was successful");
    var unknown = tool.outcome("", COMMAND, with(group, "--describe"));
    Check.that(unknown.output().matches("(?s).*(does not exist|not found).*"),
        "an unknown group: " + unknown.output());
  }

  private void groupWithMember() throws Exception {
    try (var consumer = clients.consumer("group.id", "alive");
        var member = new Member(consumer, Tools.TOPIC)) {
      Check.until("it is assigned", () -> member.count() == 4);
      String[] group = {"--group", "alive", "--describe"};
      contains(narrow(tool.run(COMMAND, with(group, "--members", "--verbose"))),
          "/127.0.0.1 conformance 4", "0,1,2,3");
      contains(narrow(tool.run(COMMAND, with(group, "--state"))), "range Stable 1");
      contains(tool.run(COMMAND, group), "/127.0.0.1");
      var refused = tool.outcome("", COMMAND, "--group", "alive", "--delete");
      contains(refused.output(), "could not be deleted");
      refused = tool.outcome("", COMMAND, "--group", "alive", "--reset-offsets", "--to-earliest",
          "--topic", Tools.TOPIC, "--execute");
      contains(refused.output(), "only be reset if the group 'alive' is inactive");
    }
  }

  private void groups() throws Exception {
    String said = narrow(tool.run("GroupsCommand", "--list"));
    contains(said, "alive Classic consumer");
  }
}
