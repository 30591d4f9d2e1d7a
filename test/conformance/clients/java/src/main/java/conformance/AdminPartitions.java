package conformance;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreatePartitionsOptions;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicaAssignmentException;
import org.apache.kafka.common.errors.NoReassignmentInProgressException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Steps of the part "admin": what is done to partitions, and asked about them. */
final class AdminPartitions {
  private static final TopicPartition FIRST = new TopicPartition("partitions", 0);
  private static final TopicPartition NONE = new TopicPartition("partitions", 7);

  private final Admins part;

  AdminPartitions(Admins part) {
    this.part = part;
  }

  void steps() {
    part.step("createPartitions", this::create);
    part.step("listOffsets", this::listOffsets);
    part.step("deleteRecords", this::deleteRecords);
    part.step("describeLogDirs", this::describeLogDirs);
    part.step("describeReplicaLogDirs", this::describeReplicaLogDirs);
    part.step("electLeaders", this::electLeaders);
    part.step("alterPartitionReassignments", this::reassign);
    part.step("listPartitionReassignments", admin -> {
      Check.equal("all", Map.of(), admin.listPartitionReassignments().reassignments().get());
      var some = admin.listPartitionReassignments(Set.of(FIRST));
      Check.equal("of one", Map.of(), some.reassignments().get());
    });
  }

  private void create(Admin admin) throws Exception {
    part.clients().createTopic("partitions", 1);
    var only = new CreatePartitionsOptions().validateOnly(true);
    var two = Map.of("partitions", NewPartitions.increaseTo(2));
    admin.createPartitions(two, only).all().get();
    Check.equal("after validation", 1, count(admin));
    admin.createPartitions(two).all().get();
    Check.until("it has two", () -> count(admin) == 2);
    var assigned = NewPartitions.increaseTo(4, List.of(List.of(1), List.of(1)));
    admin.createPartitions(Map.of("partitions", assigned)).all().get();
    Check.until("it has four", () -> count(admin) == 4);
    var same = admin.createPartitions(Map.of("partitions", NewPartitions.increaseTo(4))).all();
    Check.fails("the same", InvalidPartitionsException.class, same);
    var wrong = NewPartitions.increaseTo(5, List.of(List.of(7)));
    Check.fails("unknown broker", InvalidReplicaAssignmentException.class,
        admin.createPartitions(Map.of("partitions", wrong)).all());
    Check.fails("unknown topic", UnknownTopicOrPartitionException.class,
        admin.createPartitions(Map.of("unknown", NewPartitions.increaseTo(4))).all());
  }

  private static int count(Admin admin) throws Exception {
    var topics = admin.describeTopics(List.of("partitions")).allTopicNames().get();
    return topics.get("partitions").partitions().size();
  }

  private void listOffsets(Admin admin) throws Exception {
    long at = 1_700_000_000_000L;
    try (var producer = part.clients().producer()) {
      for (long time : new long[] {at, at + 5_000, at + 3_000}) {
        producer.send(new ProducerRecord<>("partitions", 0, time, null, Clients.bytes("v"))).get();
      }
    }
    Check.equal("earliest", 0L, offset(admin, OffsetSpec.earliest()).offset());
    Check.equal("latest", 3L, offset(admin, OffsetSpec.latest()).offset());
    var max = offset(admin, OffsetSpec.maxTimestamp());
    Check.equal("largest timestamp", 1L, max.offset());
    Check.equal("largest timestamp", at + 5_000, max.timestamp());
    var after = offset(admin, OffsetSpec.forTimestamp(at + 1));
    Check.equal("after a time", 1L, after.offset());
    Check.equal("leader epoch", 0, after.leaderEpoch().orElse(-1));
    var late = offset(admin, OffsetSpec.forTimestamp(at + 5_001));
    Check.equal("after all", -1L, late.offset());
    Check.equal("earliest local", 0L, offset(admin, OffsetSpec.earliestLocal()).offset());
    Check.equal("latest tiered", -1L, offset(admin, OffsetSpec.latestTiered()).offset());
    var committed = new ListOffsetsOptions(IsolationLevel.READ_COMMITTED);
    var stable = admin.listOffsets(Map.of(FIRST, OffsetSpec.latest()), committed);
    Check.equal("last stable", 3L, stable.partitionResult(FIRST).get().offset());
    // Admin clients ask for the metadata of an unknown partition until their time is over.
    var impatient = new ListOffsetsOptions();
    impatient.timeoutMs(1_000);
    var unknown = admin.listOffsets(Map.of(NONE, OffsetSpec.latest()), impatient);
    Check.fails("unknown partition", Exception.class, unknown.partitionResult(NONE));
  }

  static ListOffsetsResultInfo offset(Admin admin, OffsetSpec spec) throws Exception {
    return admin.listOffsets(Map.of(FIRST, spec)).partitionResult(FIRST).get();
  }

  private void deleteRecords(Admin admin) throws Exception {
    Check.equal("before 1", 1L, deleteBefore(admin, 1));
    Check.equal("before 0", 1L, deleteBefore(admin, 0));
    Check.fails("behind the end", OffsetOutOfRangeException.class, () -> deleteBefore(admin, 4));
    Check.equal("all", 3L, deleteBefore(admin, -1));
    Check.equal("earliest", 3L, offset(admin, OffsetSpec.earliest()).offset());
  }

  private static long deleteBefore(Admin admin, long offset) throws Exception {
    var result = admin.deleteRecords(Map.of(FIRST, RecordsToDelete.beforeOffset(offset)));
    return result.lowWatermarks().get(FIRST).get().lowWatermark();
  }

  private void describeLogDirs(Admin admin) throws Exception {
    var second = new TopicPartition("partitions", 1);
    try (var producer = part.clients().producer()) {
      producer.send(new ProducerRecord<>("partitions", 1, null, new byte[10_000])).get();
    }
    var directories = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1);
    Check.equal("directories", 1, directories.size());
    var directory = directories.values().iterator().next();
    Check.equal("error", null, directory.error());
    Check.that(directory.totalBytes().getAsLong() > 0, "the volume has a size");
    Check.that(directory.usableBytes().getAsLong() > 0, "there is space left");
    var replica = directory.replicaInfos().get(second);
    Check.that(replica.size() > 10_000, "the partition has a size: " + replica.size());
    Check.equal("lag", 0L, replica.offsetLag());
    Check.equal("future", false, replica.isFuture());
  }

  private void describeReplicaLogDirs(Admin admin) throws Exception {
    var replica = new TopicPartitionReplica("partitions", 0, 1);
    var found = admin.describeReplicaLogDirs(List.of(replica)).all().get().get(replica);
    Check.that(!found.getCurrentReplicaLogDir().isEmpty(), "it has a directory");
    Check.equal("lag", 0L, found.getCurrentReplicaOffsetLag());
    Check.equal("future directory", null, found.getFutureReplicaLogDir());
  }

  private void electLeaders(Admin admin) throws Exception {
    for (var type : ElectionType.values()) {
      var some = admin.electLeaders(type, Set.of(FIRST, NONE)).partitions().get();
      var notNeeded = ElectionNotNeededException.class;
      Check.equal(type + " for one", notNeeded, some.get(FIRST).orElseThrow().getClass());
      var unknown = UnknownTopicOrPartitionException.class;
      Check.equal(type + " for none", unknown, some.get(NONE).orElseThrow().getClass());
    }
    var all = admin.electLeaders(ElectionType.PREFERRED, null).partitions().get();
    Check.equal("all", Map.of(), all);
  }

  private void reassign(Admin admin) throws Exception {
    alter(admin, FIRST, Optional.of(new NewPartitionReassignment(List.of(1))));
    Check.fails("unknown broker", InvalidReplicaAssignmentException.class, () -> {
      alter(admin, FIRST, Optional.of(new NewPartitionReassignment(List.of(7))));
      return "altered";
    });
    Check.fails("cancelled", NoReassignmentInProgressException.class, () -> {
      alter(admin, FIRST, Optional.empty());
      return "altered";
    });
    Check.fails("unknown partition", UnknownTopicOrPartitionException.class, () -> {
      alter(admin, NONE, Optional.of(new NewPartitionReassignment(List.of(1))));
      return "altered";
    });
  }

  private static void alter(
      Admin admin, TopicPartition partition, Optional<NewPartitionReassignment> target)
      throws Exception {
    admin.alterPartitionReassignments(Map.of(partition, target)).all().get();
  }
}
