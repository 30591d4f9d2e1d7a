package conformance;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.admin.Admin;

/** The part "admin": every method of Kafka's Admin client that the broker's APIs can serve. */
final class Admins {
  /** A step with a client of its own. */
  @FunctionalInterface
  interface Step {
    void run(Admin admin) throws Exception;
  }

  /** Methods that ask no broker for anything. */
  private static final Set<String> LOCAL = Set.of(
      "close", "metrics", "registerMetricForSubscription", "unregisterMetricFromSubscription");

  /** The API without which a method cannot be served, where it does not have the method's name. */
  private static final Map<String, String> APIS = new HashMap<>(Map.ofEntries(
      Map.entry("listTopics", "Metadata"),
      Map.entry("describeTopics", "Metadata"),
      Map.entry("describeReplicaLogDirs", "DescribeLogDirs"),
      Map.entry("describeConsumerGroups", "DescribeGroups"),
      Map.entry("describeClassicGroups", "DescribeGroups"),
      Map.entry("listConsumerGroups", "ListGroups"),
      Map.entry("listConsumerGroupOffsets", "OffsetFetch"),
      Map.entry("alterConsumerGroupOffsets", "OffsetCommit"),
      Map.entry("deleteConsumerGroupOffsets", "OffsetDelete"),
      Map.entry("deleteConsumerGroups", "DeleteGroups"),
      Map.entry("removeMembersFromConsumerGroup", "LeaveGroup"),
      Map.entry("describeFeatures", "ApiVersions"),
      Map.entry("describeMetadataQuorum", "DescribeQuorum"),
      Map.entry("abortTransaction", "WriteTxnMarkers"),
      Map.entry("fenceProducers", "AddPartitionsToTxn"),
      Map.entry("forceTerminateTransaction", "AddPartitionsToTxn"),
      Map.entry("clientInstanceId", "GetTelemetrySubscriptions"),
      Map.entry("listClientMetricsResources", "ListConfigResources"),
      Map.entry("describeShareGroups", "ShareGroupDescribe"),
      Map.entry("listShareGroupOffsets", "DescribeShareGroupOffsets"),
      Map.entry("deleteShareGroups", "ShareGroupDescribe"),
      Map.entry("describeStreamsGroups", "StreamsGroupDescribe"),
      Map.entry("listStreamsGroupOffsets", "StreamsGroupDescribe"),
      Map.entry("alterStreamsGroupOffsets", "StreamsGroupDescribe"),
      Map.entry("deleteStreamsGroupOffsets", "StreamsGroupDescribe"),
      Map.entry("deleteStreamsGroups", "StreamsGroupDescribe")));

  /** Methods without a step: for controllers, disks, tokens, and groups that share or stream. */
  private static final Set<String> LEFT_OUT = Set.of(
      "unregisterBroker", "unregisterController", "addRaftVoter", "removeRaftVoter",
      "alterReplicaLogDirs", "createDelegationToken", "renewDelegationToken",
      "expireDelegationToken", "describeDelegationToken", "alterShareGroupOffsets",
      "deleteShareGroupOffsets", "deleteShareGroups", "describeShareGroups",
      "listShareGroupOffsets", "alterStreamsGroupOffsets", "deleteStreamsGroupOffsets",
      "deleteStreamsGroups", "describeStreamsGroups", "listStreamsGroupOffsets");

  private final Run run;
  private final Clients clients;
  private final Set<String> called = ConcurrentHashMap.newKeySet();

  Admins(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
  }

  void steps() {
    new AdminTopics(this).steps();
    new AdminConfigs(this).steps();
    new AdminPartitions(this).steps();
    new AdminGroups(this).steps();
    new AdminCluster(this).steps();
    new AdminTransactions(this).steps();
    new LineOfAdmin(this).steps();
    for (String method : methods()) account(method);
  }

  Clients clients() {
    return clients;
  }

  void step(String name, Step step) {
    run.step(name, () -> {
      try (var admin = clients.admin()) {
        step.run(recorded(admin));
      }
    });
  }

  /** Ends a step as not offered by the broker when it lacks one of the APIs. */
  void needs(String... apis) throws NotOffered {
    run.needs(apis);
  }

  /** The same client, with the names of what is called of it written down. */
  private Admin recorded(Admin admin) {
    var loader = Admin.class.getClassLoader();
    var types = new Class<?>[] {Admin.class};
    return (Admin) Proxy.newProxyInstance(loader, types, (proxy, method, given) -> {
      called.add(method.getName());
      try {
        return method.invoke(admin, given);
      } catch (InvocationTargetException failure) {
        throw failure.getCause();
      }
    });
  }

  private static Set<String> methods() {
    var names = new TreeSet<String>();
    for (var method : Admin.class.getMethods()) {
      if (Modifier.isAbstract(method.getModifiers())) names.add(method.getName());
    }
    names.removeAll(LOCAL);
    return names;
  }

  /** A method that no step called must be one that the broker cannot serve. */
  private void account(String method) {
    if (called.contains(method)) return;
    run.step("Admin." + method, () -> {
      String name = Character.toUpperCase(method.charAt(0)) + method.substring(1);
      run.needs(APIS.getOrDefault(method, name));
      if (LEFT_OUT.contains(method)) throw NotOffered.byClient("it is left out here");
      throw new AssertionError("no step calls it");
    });
  }

}
