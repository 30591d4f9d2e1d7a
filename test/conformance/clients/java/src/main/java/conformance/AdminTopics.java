package conformance;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicaAssignmentException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Steps of the part "admin": topics are made, described and deleted. */
final class AdminTopics {
  private final Admins part;

  AdminTopics(Admins part) {
    this.part = part;
  }

  void steps() {
    part.step("createTopics", this::create);
    part.step("createTopics, validateOnly", this::validateOnly);
    part.step("createTopics, with assignments", this::withAssignments);
    part.step("createTopics, refused", this::refused);
    part.step("describeTopics", this::describe);
    part.step("describeTopics, page by page", this::describeInPages);
    part.step("listTopics", this::list);
    part.step("deleteTopics", this::delete);
  }

  private void create(Admin admin) throws Exception {
    var configs = Map.of("cleanup.policy", "compact", "segment.bytes", "1048576");
    var result = admin.createTopics(List.of(
        new NewTopic("created", 3, (short) 1).configs(configs),
        new NewTopic("with-defaults", Optional.empty(), Optional.empty())));
    Check.equal("partitions", 3, result.numPartitions("created").get());
    Check.equal("replication factor", 1, result.replicationFactor("created").get());
    var back = result.config("created").get();
    Check.equal("cleanup.policy", "compact", back.get("cleanup.policy").value());
    Check.equal("retention.ms", "604800000", back.get("retention.ms").value());
    Check.equal("default partitions", 1, result.numPartitions("with-defaults").get());
    var described = admin.describeTopics(List.of("created")).allTopicNames().get();
    Check.equal("topic id", result.topicId("created").get(), described.get("created").topicId());
  }

  private void validateOnly(Admin admin) throws Exception {
    var only = new CreateTopicsOptions().validateOnly(true);
    var good = admin.createTopics(List.of(new NewTopic("validated", 2, (short) 1)), only);
    good.all().get();
    Check.equal("partitions", 2, good.numPartitions("validated").get());
    var exists = admin.createTopics(List.of(new NewTopic("created", 2, (short) 1)), only);
    Check.fails("it exists", TopicExistsException.class, exists.all());
    Check.that(!admin.listTopics().names().get().contains("validated"), "nothing was created");
  }

  private void withAssignments(Admin admin) throws Exception {
    var assigned = new NewTopic("assigned", Map.of(0, List.of(1), 1, List.of(1)));
    admin.createTopics(List.of(assigned)).all().get();
    var topic = admin.describeTopics(List.of("assigned")).allTopicNames().get().get("assigned");
    Check.equal("partitions", 2, topic.partitions().size());
    for (var partition : topic.partitions()) {
      Check.equal("replicas", List.of(1), partition.replicas().stream().map(n -> n.id()).toList());
    }
    var unknown = new NewTopic("unknown-broker", Map.of(0, List.of(7)));
    var hole = new NewTopic("hole", Map.of(0, List.of(1), 2, List.of(1)));
    for (var wrong : List.of(unknown, hole)) {
      var result = admin.createTopics(List.of(wrong)).all();
      Check.fails(wrong.name(), InvalidReplicaAssignmentException.class, result);
    }
  }

  private void refused(Admin admin) throws Exception {
    var result = admin.createTopics(List.of(
        new NewTopic("created", 1, (short) 1),
        new NewTopic("a blank", 1, (short) 1),
        new NewTopic("with_defaults", 1, (short) 1),
        new NewTopic("no-partitions", 0, (short) 1),
        new NewTopic("two-replicas", 1, (short) 2),
        new NewTopic("no-number", 1, (short) 1).configs(Map.of("retention.ms", "long")),
        new NewTopic("no-config", 1, (short) 1).configs(Map.of("retention", "1")),
        new NewTopic("neighbour", 1, (short) 1))).values();
    Check.fails("exists", TopicExistsException.class, result.get("created"));
    Check.fails("a blank", InvalidTopicException.class, result.get("a blank"));
    Check.fails("zero", InvalidPartitionsException.class, result.get("no-partitions"));
    Check.fails("two", InvalidReplicationFactorException.class, result.get("two-replicas"));
    Check.fails("no number", InvalidConfigurationException.class, result.get("no-number"));
    Check.fails("no config", InvalidConfigurationException.class, result.get("no-config"));
    result.get("with_defaults").get();
    result.get("neighbour").get();
  }

  private void describe(Admin admin) throws Exception {
    var options = new DescribeTopicsOptions().includeAuthorizedOperations(true);
    var byName = admin.describeTopics(List.of("created", "unknown"), options).topicNameValues();
    Check.fails("unknown", UnknownTopicOrPartitionException.class, byName.get("unknown"));
    var topic = byName.get("created").get();
    Check.equal("partitions", List.of(0, 1, 2),
        topic.partitions().stream().map(TopicPartitionInfo::partition).toList());
    Check.that(topic.authorizedOperations().contains(AclOperation.WRITE), "writing is authorized");
    Check.equal("internal", false, topic.isInternal());
    var nobody = Uuid.randomUuid();
    var ids = TopicCollection.ofTopicIds(List.of(topic.topicId(), nobody));
    var byId = admin.describeTopics(ids).topicIdValues();
    Check.equal("name", "created", byId.get(topic.topicId()).get().name());
    Check.fails("unknown id", UnknownTopicIdException.class, byId.get(nobody));
  }

  /** DescribeTopicPartitions (KIP-966) answers with a cursor when there is more. */
  private void describeInPages(Admin admin) throws Exception {
    var names = List.of("created", "assigned", "with-defaults");
    var options = new DescribeTopicsOptions().partitionSizeLimitPerResponse(2);
    var topics = admin.describeTopics(names, options).allTopicNames().get();
    var partitions = names.stream()
        .collect(Collectors.toMap(name -> name, name -> topics.get(name).partitions().size()));
    Check.equal("partitions", Map.of("created", 3, "assigned", 2, "with-defaults", 1), partitions);
  }

  private void list(Admin admin) throws Exception {
    part.clients().send("created", Clients.records(1));
    try (var consumer = part.clients().consumer("group.id", "makes-internal-topic")) {
      consumer.subscribe(List.of("created"));
      Clients.poll(consumer, 1);
    }
    var names = admin.listTopics().names().get();
    Check.that(names.containsAll(Set.of("created", "assigned")), "topics are listed");
    Check.that(!names.contains("__consumer_offsets"), "internal topics are not listed");
    var all = admin.listTopics(new ListTopicsOptions().listInternal(true)).namesToListings().get();
    Check.equal("internal", true, all.get("__consumer_offsets").isInternal());
    TopicDescription described = admin.describeTopics(List.of("__consumer_offsets"))
        .allTopicNames().get().get("__consumer_offsets");
    Check.equal("internal", true, described.isInternal());
  }

  private void delete(Admin admin) throws Exception {
    var unknown = UnknownTopicOrPartitionException.class;
    var byName = admin.deleteTopics(List.of("neighbour", "unknown")).topicNameValues();
    byName.get("neighbour").get();
    Check.fails("unknown", unknown, byName.get("unknown"));
    var id = admin.describeTopics(List.of("assigned")).allTopicNames().get()
        .get("assigned").topicId();
    var nobody = Uuid.randomUuid();
    var ids = TopicCollection.ofTopicIds(List.of(id, nobody));
    var byId = admin.deleteTopics(ids).topicIdValues();
    byId.get(id).get();
    Check.fails("unknown id", UnknownTopicIdException.class, byId.get(nobody));
    Check.until("they are gone", () -> {
      var names = admin.listTopics().names().get();
      return !names.contains("neighbour") && !names.contains("assigned");
    });
  }
}
