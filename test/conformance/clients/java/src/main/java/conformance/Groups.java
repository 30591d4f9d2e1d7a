package conformance;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupNotEmptyException;

/** The steps about consumer groups. */
final class Groups {
  private static final String[] NEW_PROTOCOL = {"group.protocol", "consumer"};

  private final Run run;
  private final Clients clients;

  Groups(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
  }

  void steps() {
    run.step("group-consume", () -> consume("group-consume"));
    run.step("group-rebalance", () -> rebalance("group-rebalance"));
    run.step("group-kip-848", () -> {
      run.needs("ConsumerGroupHeartbeat");
      consume("group-kip-848", (Object[]) NEW_PROTOCOL);
      try (var admin = clients.admin()) {
        String group = "group-kip-848";
        var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        Check.equal("type", "Consumer", described.type().toString());
      }
      rebalance("group-kip-848", (Object[]) NEW_PROTOCOL);
    });
    run.step("commit-resume", this::commitAndResume);
    run.step("list-groups", this::list);
    run.step("describe-group", this::describe);
    run.step("group-offsets", this::offsets);
    run.step("delete-group", this::delete);
  }

  private void consume(String group, Object... options) throws Exception {
    clients.createTopic(group, 4);
    var sent = Clients.records(100);
    clients.send(group, sent);
    try (var consumer = clients.consumer(of(group, options))) {
      consumer.subscribe(List.of(group));
      var values = Clients.values(Clients.poll(consumer, sent.size()));
      Check.equal("read", sent.size(), values.size());
      var wanted = sent.stream().map(Clients.Pair::value).toList();
      Check.equal("not read", List.of(), Check.lost(wanted, values));
      consumer.commitSync();
    }
  }

  private static Object[] of(String group, Object... options) {
    var all = new ArrayList<Object>(List.of("group.id", group));
    all.addAll(Arrays.asList(options));
    return all.toArray();
  }

  private void rebalance(String group, Object... options) throws Exception {
    String topic = "group-consume";
    try (var first = new Member(clients.consumer(of(group, options)), topic)) {
      Check.until("the first member has all four partitions", () -> first.count() == 4);
      try (var second = new Member(clients.consumer(of(group, options)), topic)) {
        Check.until("both members have two partitions",
            () -> first.count() == 2 && second.count() == 2);
      }
      Check.until("the first member has all four partitions again", () -> first.count() == 4);
    }
  }

  private void commitAndResume() throws Exception {
    String topic = "commit-resume";
    clients.createTopic(topic, 1);
    clients.send(topic, Clients.records(100));
    try (var first = clients.consumer("group.id", topic)) {
      first.subscribe(List.of(topic));
      Clients.poll(first, 100);
      first.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(40)));
    }
    try (var second = clients.consumer("group.id", topic)) {
      second.subscribe(List.of(topic));
      var records = Clients.poll(second, 60);
      Check.equal("resumed at", 40L, records.get(0).offset());
      Check.equal("read the second time", 60, records.size());
    }
  }

  private void list() throws Exception {
    try (var admin = clients.admin()) {
      var group = admin.listConsumerGroups().all().get().stream()
          .filter(listed -> listed.groupId().equals("group-consume"))
          .findFirst()
          .orElseThrow(() -> new AssertionError("the group is not listed"));
      Check.equal("state", "Empty", group.state().map(Object::toString).orElse("none"));
      Check.that(!group.isSimpleConsumerGroup(), "it is not a simple group");
    }
  }

  private void describe() throws Exception {
    String group = "describe-group";
    try (var consumer = clients.consumer("group.id", group); var admin = clients.admin()) {
      consumer.subscribe(List.of("group-consume"));
      Clients.poll(consumer, 100);
      var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
      Check.equal("state", "Stable", described.state().toString());
      Check.equal("members", 1, described.members().size());
      var member = described.members().iterator().next();
      Check.equal("client id", "conformance", member.clientId());
      Check.equal("assigned partitions", 4, member.assignment().topicPartitions().size());
      describeUnknown(admin);
    }
  }

  /** Newer admin clients fail with GroupIdNotFoundException, older ones see a dead group. */
  private static void describeUnknown(Admin admin) throws Exception {
    String state;
    try {
      var described = admin.describeConsumerGroups(List.of("unknown")).all().get();
      state = described.get("unknown").state().toString();
    } catch (Exception failure) {
      state = Run.cause(failure).getClass().getSimpleName();
    }
    boolean known = state.equals("Dead") || state.equals("GroupIdNotFoundException");
    Check.that(known, "state of an unknown group is " + state);
  }

  private void offsets() throws Exception {
    String group = "group-offsets";
    var partition = new TopicPartition("scenario", 2);
    try (var admin = clients.admin()) {
      var wanted = Map.of(partition, new OffsetAndMetadata(42, "a note"));
      admin.alterConsumerGroupOffsets(group, wanted).all().get();
      Check.equal("offsets", wanted, committed(admin, group));
      admin.deleteConsumerGroupOffsets(group, Set.of(partition)).all().get();
      Check.equal("offsets after deletion", Map.of(), committed(admin, group));
    }
  }

  private static Map<TopicPartition, OffsetAndMetadata> committed(Admin admin, String group)
      throws Exception {
    return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
  }

  private void delete() throws Exception {
    String group = "delete-group";
    try (var admin = clients.admin()) {
      try (var consumer = clients.consumer("group.id", group)) {
        consumer.subscribe(List.of("group-consume"));
        Clients.poll(consumer, 100);
        var early = admin.deleteConsumerGroups(List.of(group)).all();
        Check.fails("with a member", GroupNotEmptyException.class, early);
      }
      admin.deleteConsumerGroups(List.of(group)).all().get();
      var groups = admin.listConsumerGroups().all().get();
      boolean listed = groups.stream().anyMatch(each -> each.groupId().equals(group));
      Check.equal("listed after deletion", false, listed);
    }
  }
}
