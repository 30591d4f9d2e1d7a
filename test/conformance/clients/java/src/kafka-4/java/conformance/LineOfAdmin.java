package conformance;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.ConfigResource.Type;

/** Steps of the part "admin" with methods that only clients of the 4.x line have. */
final class LineOfAdmin {
  private final Admins part;

  LineOfAdmin(Admins part) {
    this.part = part;
  }

  void steps() {
    part.step("listGroups", this::listGroups);
    part.step("describeClassicGroups", this::describeClassicGroups);
    part.step("listConfigResources", this::listConfigResources);
    part.step("incrementalAlterConfigs, of a group", this::groupConfigs);
    part.step("listOffsets, earliest pending upload", admin -> {
      var pending = AdminPartitions.offset(admin, OffsetSpec.earliestPendingUpload());
      Check.equal("without tiered storage", -1L, pending.offset());
    });
    part.step("forceTerminateTransaction", admin -> {
      part.needs("AddPartitionsToTxn");
      admin.forceTerminateTransaction("described").result().get();
    });
  }

  private void listGroups(Admin admin) throws Exception {
    var consumers = new ListGroupsOptions().withProtocolTypes(Set.of("consumer"));
    var groups = admin.listGroups(consumers).all().get().stream()
        .collect(Collectors.toMap(each -> each.groupId(), each -> each));
    var group = groups.get("active");
    Check.equal("type", GroupType.CLASSIC, group.type().orElseThrow());
    Check.equal("state", GroupState.EMPTY, group.groupState().orElseThrow());
    var others = new ListGroupsOptions().withProtocolTypes(Set.of("connect"));
    Check.equal("of another protocol", 0, admin.listGroups(others).all().get().size());
    var stable = new ListGroupsOptions().inGroupStates(Set.of(GroupState.STABLE));
    boolean listed = admin.listGroups(stable).all().get().stream()
        .anyMatch(each -> each.groupId().equals("active"));
    Check.equal("is among the stable ones", false, listed);
  }

  private void describeClassicGroups(Admin admin) throws Exception {
    var group = admin.describeClassicGroups(List.of("active")).all().get().get("active");
    Check.equal("protocol", "consumer", group.protocol());
    Check.equal("state", "Empty", group.state().toString());
  }

  private void listConfigResources(Admin admin) throws Exception {
    part.needs("ListConfigResources");
    var all = admin.listConfigResources().all().get();
    Check.that(all.contains(new ConfigResource(Type.BROKER, "1")), "the broker is listed");
    Check.that(all.contains(new ConfigResource(Type.TOPIC, "created")), "topics are listed");
    admin.listClientMetricsResources().all().get();
  }

  private void groupConfigs(Admin admin) throws Exception {
    // Groups of the classic protocol have no configuration.
    part.needs("ConsumerGroupHeartbeat");
    var group = new ConfigResource(Type.GROUP, "active");
    var entry = new ConfigEntry("consumer.heartbeat.interval.ms", "6000");
    var change = Map.of(group, List.of(new AlterConfigOp(entry, OpType.SET)));
    admin.incrementalAlterConfigs(Map.copyOf(change)).all().get();
    Check.until("it has changed", () -> "6000".equals(
        AdminConfigs.configs(admin, group).get("consumer.heartbeat.interval.ms").value()));
  }
}
