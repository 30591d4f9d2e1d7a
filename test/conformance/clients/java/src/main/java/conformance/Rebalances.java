package conformance;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.UnreleasedInstanceIdException;

/** Steps of the part "consumers": groups of several members. */
final class Rebalances {
  private static final String COOPERATIVE =
      "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
  private static final String RANGE = "org.apache.kafka.clients.consumer.RangeAssignor";
  private static final int PARTITIONS = 4;

  private final Clients clients;
  private final String protocol;

  Rebalances(Clients clients, String protocol) {
    this.clients = clients;
    this.protocol = protocol;
  }

  void steps(BiConsumer<String, Run.Step> step) {
    step.accept("more-members-than-partitions", this::moreMembersThanPartitions);
    step.accept("records-are-read-once", this::recordsAreReadOnce);
    step.accept("static-membership", this::staticMembership);
    step.accept("static-member-fenced", this::staticMemberFenced);
    step.accept("poll-interval", this::pollInterval);
    if (protocol.equals("classic")) {
      step.accept("session-timeout", this::sessionTimeout);
      step.accept("cooperative-assignor", this::cooperativeAssignor);
      step.accept("from-range-to-cooperative", this::fromRangeToCooperative);
      step.accept("assignors", this::assignors);
    } else {
      step.accept("server-side-range", this::serverSideRange);
    }
  }

  private String name(String what) {
    return what + "-" + protocol;
  }

  private KafkaConsumer<byte[], byte[]> consumer(String group, Object... options) {
    return Consumers.member(clients, protocol, group, options);
  }

  private Member member(String group, Object... options) {
    return new Member(consumer(group, options), group);
  }

  private static boolean share(List<Member> members, int total) {
    Set<TopicPartition> all = new HashSet<>();
    for (var member : members) all.addAll(member.partitions());
    return all.size() == total && members.stream().mapToInt(Member::count).sum() == total;
  }

  private void moreMembersThanPartitions() throws Exception {
    String topic = name("many-members");
    clients.createTopic(topic, PARTITIONS);
    var members = new ArrayList<Member>();
    try {
      for (int i = 0; i < 5; i++) members.add(member(topic));
      Check.until("four members have one partition each", () ->
          share(members, 4) && members.stream().filter(each -> each.count() == 1).count() == 4);
      Member idle = members.stream().filter(each -> each.count() == 0).findFirst().orElseThrow();
      members.remove(idle);
      Member left = members.remove(0);
      members.add(idle);
      left.close();
      Check.until("the idle one takes over", () -> share(members, 4) && idle.count() == 1);
    } finally {
      for (var member : members) member.close();
    }
  }

  /** While members come and go politely, nothing is lost; what is read twice is not committed. */
  private void recordsAreReadOnce() throws Exception {
    String topic = name("read-once");
    clients.createTopic(topic, PARTITIONS);
    Set<String> read = ConcurrentHashMap.newKeySet();
    Object[] autoCommit = {"enable.auto.commit", true, "auto.commit.interval.ms", 100};
    List<Member> members = new ArrayList<>();
    var sent = Clients.records(600);
    try {
      for (int i = 0; i < 3; i++) {
        members.add(new Member(
            consumer(topic, autoCommit),
            topic,
            record -> read.add(Clients.text(record.value()))));
        clients.send(topic, sent.subList(i * 200, i * 200 + 100));
        Check.until("the group is settled", () -> share(members, PARTITIONS));
        clients.send(topic, sent.subList(i * 200 + 100, i * 200 + 200));
      }
      members.remove(0).close();
      Check.until("everything is read", () -> read.size() == 600);
    } finally {
      for (var member : members) member.close();
    }
    try (var admin = clients.admin()) {
      long committed = admin.listConsumerGroupOffsets(topic).partitionsToOffsetAndMetadata().get()
          .values().stream().mapToLong(OffsetAndMetadata::offset).sum();
      Check.equal("committed", 600L, committed);
    }
  }

  private void staticMembership() throws Exception {
    String topic = name("static");
    clients.createTopic(topic, PARTITIONS);
    var first = member(topic, "group.instance.id", "one");
    try (var second = member(topic, "group.instance.id", "two")) {
      Check.until("both have two", () -> first.count() == 2 && second.count() == 2);
      var before = first.partitions();
      int assignments = second.assignments.get();
      first.close();
      try (var again = member(topic, "group.instance.id", "one")) {
        Check.until("it has two again", () -> again.count() == 2);
        Check.equal("partitions", before, again.partitions());
        Check.equal("assignments of the other", assignments, second.assignments.get());
        if (protocol.equals("classic")) {
          removeStaticMember(topic, "one");
          Check.until("the removed one comes back", () -> second.assignments.get() > assignments
              && share(List.of(again, second), PARTITIONS));
        }
      }
      removeStaticMember(topic, "one");
      Check.until("the other has all", () -> second.count() == 4);
    }
    removeStaticMember(topic, "two");
  }

  private void removeStaticMember(String group, String instance) throws Exception {
    var member = new MemberToRemove(instance);
    var options = new RemoveMembersFromConsumerGroupOptions(Set.of(member));
    try (var admin = clients.admin()) {
      admin.removeMembersFromConsumerGroup(group, options).all().get();
    }
  }

  /** Classic groups fence the old member (KIP-345), new ones refuse the new member (KIP-848). */
  private void staticMemberFenced() throws Exception {
    String topic = name("fenced");
    clients.createTopic(topic, 1);
    Object[] instance = {"group.instance.id", "one"};
    try (var first = consumer(topic, instance); var second = consumer(topic, instance)) {
      first.subscribe(List.of(topic));
      second.subscribe(List.of(topic));
      Check.until("it is assigned", () -> {
        first.poll(Duration.ofMillis(100));
        return first.assignment().size() == 1;
      });
      if (!protocol.equals("classic")) {
        Check.fails("the second", UnreleasedInstanceIdException.class,
            () -> pollForever(second));
        return;
      }
      Check.until("the second is assigned", () -> {
        second.poll(Duration.ofMillis(100));
        return second.assignment().size() == 1;
      });
      Check.fails("the first", FencedInstanceIdException.class, () -> pollForever(first));
    }
  }

  private static Void pollForever(KafkaConsumer<byte[], byte[]> consumer) {
    for (int i = 0; i < 300; i++) consumer.poll(Duration.ofMillis(100));
    return null;
  }

  private void sessionTimeout() throws Exception {
    String topic = name("session");
    clients.createTopic(topic, PARTITIONS);
    Object[] alert = {"session.timeout.ms", 6_000, "heartbeat.interval.ms", 500};
    // A static member says nothing when it closes: it is as if it had died.
    Object[] silent = {"session.timeout.ms", 6_000, "group.instance.id", "dies"};
    try (var alive = member(topic, alert)) {
      var dies = member(topic, silent);
      Check.until("both have two", () -> alive.count() == 2 && dies.count() == 2);
      dies.close();
      Check.until("the other takes over", () -> alive.count() == 4);
    }
  }

  /** A member that does not poll leaves by itself, and can commit no more. */
  private void pollInterval() throws Exception {
    String topic = name("poll-interval");
    clients.createTopic(topic, PARTITIONS);
    try (var lazy = consumer(topic, "max.poll.interval.ms", 1_000);
        var diligent = member(topic)) {
      lazy.subscribe(List.of(topic));
      Check.until("both have two", () -> {
        lazy.poll(Duration.ofMillis(50));
        return lazy.assignment().size() == 2 && diligent.count() == 2;
      });
      Check.until("the diligent one has all", () -> diligent.count() == 4);
      var offsets = Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(1));
      Check.fails("the lazy one commits", CommitFailedException.class, () -> {
        lazy.commitSync(offsets);
        return "committed";
      });
      Check.until("it comes back", () -> {
        lazy.poll(Duration.ofMillis(50));
        return lazy.assignment().size() == 2;
      });
    }
  }

  private void cooperativeAssignor() throws Exception {
    String topic = name("cooperative");
    clients.createTopic(topic, 6);
    Object[] options = {"partition.assignment.strategy", COOPERATIVE};
    try (var first = member(topic, options)) {
      Check.until("it has six", () -> first.count() == 6);
      try (var second = member(topic, options)) {
        Check.until("both have three", () -> first.count() == 3 && second.count() == 3);
        Check.equal("revocations of the first", 1, first.revocations.get());
        Check.equal("revocations of the second", 0, second.revocations.get());
        try (var third = member(topic, options)) {
          Check.until("all have two",
              () -> Stream.of(first, second, third).allMatch(each -> each.count() == 2));
          Check.equal("partitions", true, share(List.of(first, second, third), 6));
          Check.equal("revocations of the first", 2, first.revocations.get());
          Check.equal("revocations of the second", 1, second.revocations.get());
        }
      }
      Check.until("it has six again", () -> first.count() == 6);
      Check.equal("revocations of the first", 2, first.revocations.get());
    }
  }

  /** The rolling change that KIP-429 describes: both assignors, then the new one alone. */
  private void fromRangeToCooperative() throws Exception {
    String topic = name("upgrade");
    clients.createTopic(topic, PARTITIONS);
    Object[] old = {"partition.assignment.strategy", RANGE};
    Object[] both = {"partition.assignment.strategy", List.of(COOPERATIVE, RANGE)};
    Object[] cooperative = {"partition.assignment.strategy", COOPERATIVE};
    List<Member> members = new ArrayList<>(List.of(member(topic, old), member(topic, old)));
    try {
      for (Object[] options : List.of(both, cooperative)) {
        for (int i = 0; i < 2; i++) {
          Check.until("the group is settled", () -> share(members, PARTITIONS));
          members.remove(0).close();
          members.add(member(topic, options));
        }
      }
      Check.until("the group is settled", () -> share(members, PARTITIONS));
      try (var admin = clients.admin()) {
        Check.until("the new assignor is at work", () -> {
          var group = admin.describeConsumerGroups(List.of(topic)).all().get().get(topic);
          return group.partitionAssignor().equals("cooperative-sticky");
        });
      }
    } finally {
      for (var member : members) member.close();
    }
  }

  private void assignors() throws Exception {
    for (String assignor : List.of("Range", "RoundRobin", "Sticky")) {
      String topic = name("assignor-" + assignor);
      clients.createTopic(topic, PARTITIONS);
      String name = "org.apache.kafka.clients.consumer." + assignor + "Assignor";
      Object[] options = {"partition.assignment.strategy", name};
      try (var first = member(topic, options); var second = member(topic, options)) {
        Check.until("both have two",
            () -> first.count() == 2 && second.count() == 2);
        Check.that(share(List.of(first, second), PARTITIONS), "they share the partitions");
      }
    }
  }

  private void serverSideRange() throws Exception {
    String topic = name("server-range");
    clients.createTopic(topic, PARTITIONS);
    Object[] options = {"group.remote.assignor", "range"};
    try (var first = member(topic, options); var second = member(topic, options)) {
      Check.until("both have two", () -> first.count() == 2 && second.count() == 2);
      try (var admin = clients.admin()) {
        var group = admin.describeConsumerGroups(List.of(topic)).all().get().get(topic);
        Check.equal("assignor", "range", group.partitionAssignor());
      }
    }
  }
}
