package conformance;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeConsumerGroupsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListConsumerGroupsOptions;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.ConsumerGroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Steps of the part "admin": consumer groups and their offsets. */
final class AdminGroups {
  private static final String TOPIC = "grouped";
  private static final TopicPartition FIRST = new TopicPartition(TOPIC, 0);
  private static final TopicPartition SECOND = new TopicPartition(TOPIC, 1);

  private final Admins part;

  AdminGroups(Admins part) {
    this.part = part;
  }

  void steps() {
    part.step("alterConsumerGroupOffsets", this::alterOffsets);
    part.step("listConsumerGroupOffsets", this::listOffsets);
    part.step("listConsumerGroups", this::list);
    part.step("describeConsumerGroups", this::describe);
    part.step("deleteConsumerGroupOffsets", this::deleteOffsets);
    part.step("removeMembersFromConsumerGroup", this::removeMembers);
    part.step("deleteConsumerGroups", this::delete);
  }

  private Member member(String group, Object... more) {
    Object[] options = new Object[more.length + 2];
    options[0] = "group.id";
    options[1] = group;
    System.arraycopy(more, 0, options, 2, more.length);
    return new Member(part.clients().consumer(options), TOPIC);
  }

  private void alterOffsets(Admin admin) throws Exception {
    part.clients().createTopic(TOPIC, 2);
    var offsets = Map.of(
        FIRST, new OffsetAndMetadata(11, "a note"), SECOND, new OffsetAndMetadata(22));
    admin.alterConsumerGroupOffsets("altered", offsets).all().get();
    var none = new TopicPartition("unknown", 0);
    var some = Map.of(FIRST, new OffsetAndMetadata(12), none, new OffsetAndMetadata(1));
    var result = admin.alterConsumerGroupOffsets("altered", some);
    result.partitionResult(FIRST).get();
    Check.fails("unknown topic", UnknownTopicOrPartitionException.class,
        result.partitionResult(none));
    try (var member = member("altered")) {
      Check.until("it is assigned", () -> member.count() == 2);
      Check.fails("a group with members", UnknownMemberIdException.class,
          admin.alterConsumerGroupOffsets("altered", offsets).all());
    }
  }

  private void listOffsets(Admin admin) throws Exception {
    var offsets = Map.of(FIRST, new OffsetAndMetadata(5));
    admin.alterConsumerGroupOffsets("second", offsets).all().get();
    var one = new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(SECOND));
    var all = new ListConsumerGroupOffsetsSpec();
    var options = new ListConsumerGroupOffsetsOptions().requireStable(true);
    var specs = Map.of("altered", one, "second", all, "unknown", all);
    var found = admin.listConsumerGroupOffsets(specs, options).all().get();
    var second = Map.of(SECOND, new OffsetAndMetadata(22));
    Check.equal("one partition", second, found.get("altered"));
    Check.equal("all partitions", offsets, found.get("second"));
    Check.equal("unknown group", Map.of(), found.get("unknown"));
    var missing = new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(FIRST));
    var nothing = admin.listConsumerGroupOffsets(Map.of("unknown", missing)).all().get();
    Check.equal("no offset", null, nothing.get("unknown").get(FIRST));
  }

  private void list(Admin admin) throws Exception {
    try (var member = member("active")) {
      Check.until("it is assigned", () -> member.count() == 2);
      var stable = new ListConsumerGroupsOptions().inStates(Set.of(ConsumerGroupState.STABLE));
      Check.equal("stable", Set.of("active"), ids(admin, stable));
      var empty = new ListConsumerGroupsOptions().inStates(Set.of(ConsumerGroupState.EMPTY));
      Check.that(ids(admin, empty).containsAll(Set.of("altered", "second")), "the empty ones");
      Check.that(!ids(admin, empty).contains("active"), "only the empty ones");
      var classic = new ListConsumerGroupsOptions().withTypes(Set.of(GroupType.CLASSIC));
      Check.that(ids(admin, classic).contains("active"), "the classic ones");
      var newer = new ListConsumerGroupsOptions().withTypes(Set.of(GroupType.CONSUMER));
      Check.equal("the newer ones", Set.of(), ids(admin, newer));
      var group = admin.listConsumerGroups().all().get().stream()
          .filter(each -> each.groupId().equals("second")).findFirst().orElseThrow();
      Check.that(group.isSimpleConsumerGroup(), "a group without members ever is simple");
    }
  }

  private static Set<String> ids(Admin admin, ListConsumerGroupsOptions options)
      throws Exception {
    var groups = admin.listConsumerGroups(options).all().get().stream();
    return groups.map(each -> each.groupId()).collect(java.util.stream.Collectors.toSet());
  }

  private void describe(Admin admin) throws Exception {
    Object[] named = {"group.instance.id", "instance"};
    try (var member = member("described", named)) {
      Check.until("it is assigned", () -> member.count() == 2);
      var options = new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true);
      var group = admin.describeConsumerGroups(List.of("described"), options).all().get()
          .get("described");
      Check.equal("state", ConsumerGroupState.STABLE, group.state());
      Check.equal("assignor", "range", group.partitionAssignor());
      Check.equal("coordinator", 1, group.coordinator().id());
      Check.that(group.authorizedOperations().contains(AclOperation.READ), "reading is authorized");
      var described = group.members().iterator().next();
      Check.equal("host", "/127.0.0.1", described.host());
      Check.equal("instance", "instance", described.groupInstanceId().orElse("none"));
      var partitions = described.assignment().topicPartitions();
      Check.equal("partitions", Set.of(FIRST, SECOND), partitions);
    }
  }

  private void deleteOffsets(Admin admin) throws Exception {
    try (var member = member("altered")) {
      Check.until("it is assigned", () -> member.count() == 2);
      var result = admin.deleteConsumerGroupOffsets("altered", Set.of(FIRST));
      Check.fails("subscribed", GroupSubscribedToTopicException.class,
          result.partitionResult(FIRST));
    }
    admin.deleteConsumerGroupOffsets("altered", Set.of(FIRST)).all().get();
    var left = admin.listConsumerGroupOffsets("altered").partitionsToOffsetAndMetadata().get();
    Check.equal("left", Set.of(SECOND), left.keySet());
    Check.fails("unknown group", GroupIdNotFoundException.class,
        admin.deleteConsumerGroupOffsets("unknown", Set.of(FIRST)).all());
  }

  private void removeMembers(Admin admin) throws Exception {
    member("removed", "group.instance.id", "one").close();
    var one = member("removed", "group.instance.id", "one");
    Check.until("it is assigned", () -> one.count() == 2);
    one.close();
    var wrong = new RemoveMembersFromConsumerGroupOptions(Set.of(new MemberToRemove("two")));
    Check.fails("unknown member", UnknownMemberIdException.class,
        admin.removeMembersFromConsumerGroup("removed", wrong).all());
    var all = new RemoveMembersFromConsumerGroupOptions();
    admin.removeMembersFromConsumerGroup("removed", all).all().get();
    var group = admin.describeConsumerGroups(List.of("removed")).all().get().get("removed");
    Check.equal("state", ConsumerGroupState.EMPTY, group.state());
  }

  private void delete(Admin admin) throws Exception {
    try (var member = member("active")) {
      Check.until("it is assigned", () -> member.count() == 2);
      var result = admin.deleteConsumerGroups(List.of("active", "second", "unknown"));
      var deleted = result.deletedGroups();
      Check.fails("with a member", GroupNotEmptyException.class, deleted.get("active"));
      Check.fails("unknown", GroupIdNotFoundException.class, deleted.get("unknown"));
      deleted.get("second").get();
    }
    var left = ids(admin, new ListConsumerGroupsOptions());
    Check.that(!left.contains("second"), "it is gone");
    Check.that(left.contains("active"), "the other is not");
  }
}
