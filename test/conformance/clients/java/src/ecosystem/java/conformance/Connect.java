package conformance;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.ConfigResource.Type;
import org.apache.kafka.common.utils.Exit;

/** The part "connect": lines of a file go through a topic into another file. */
final class Connect {
  private static final String STRINGS = "org.apache.kafka.connect.storage.StringConverter";

  /** What a cluster of workers keeps, in a topic each. */
  private static final List<String> STORED = List.of("offset", "config", "status");

  private final Run run;
  private final Clients clients;

  Connect(Run run, Clients clients) {
    this.run = run;
    this.clients = clients;
  }

  void steps() {
    run.step("standalone: from file to file", this::fromFileToFile);
    run.step("standalone: restart", this::restart);
    run.step("standalone: kill of the broker", this::kill);
    run.step("the group of a sink", this::group);
    run.step("distributed: from file to file", this::distributed);
    run.step("distributed: restart", this::restartDistributed);
    run.step("distributed: kill of the broker", this::killDistributed);
  }

  /** A worker that runs in this process until it is closed. */
  private static final class Worker implements AutoCloseable {
    private final Thread thread;
    private volatile Runnable stop;
    private volatile Throwable failure;

    Worker(String type, String... arguments) throws Exception {
      // What would run at the end of the process is how a worker is stopped.
      Exit.setShutdownHookAdder((name, hook) -> {
        if (name != null && name.startsWith("connect")) stop = hook;
      });
      Exit.setExitProcedure((status, message) -> {
        throw new IllegalStateException("it ended with " + status + " " + message);
      });
      var main = Class.forName(type).getMethod("main", String[].class);
      thread = new Thread(() -> {
        try {
          main.invoke(null, (Object) arguments);
        } catch (ReflectiveOperationException thrown) {
          failure = thrown.getCause() == null ? thrown : thrown.getCause();
        }
      }, "connect");
      thread.setDaemon(true);
      thread.start();
      Check.until("the worker runs", () -> {
        if (failure != null) throw new AssertionError("the worker failed", failure);
        return stop != null;
      });
    }

    @Override
    public void close() throws InterruptedException {
      stop.run();
      thread.join();
    }
  }

  private static String file(String name, Map<String, String> properties) throws IOException {
    var path = Path.of(name + ".properties").toAbsolutePath();
    Files.write(path, properties.entrySet().stream()
        .map(each -> each.getKey() + "=" + each.getValue()).toList());
    return path.toString();
  }

  private Map<String, String> workerConfig() {
    Map<String, String> config = new HashMap<>();
    config.put("bootstrap.servers", run.bootstrap);
    config.put("key.converter", STRINGS);
    config.put("value.converter", STRINGS);
    config.put("offset.flush.interval.ms", "500");
    config.put("plugin.discovery", "only_scan");
    return config;
  }

  private static Map<String, String> source(String name) {
    return Map.of(
        "name", name + "-source",
        "connector.class", "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "tasks.max", "1",
        "file", path(name + "-in").toString(),
        "topic", name + "-lines");
  }

  private static Map<String, String> sink(String name) {
    return Map.of(
        "name", name + "-sink",
        "connector.class", "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "tasks.max", "1",
        "file", path(name + "-out").toString(),
        "topics", name + "-lines");
  }

  private static Path path(String name) {
    return Path.of(name + ".txt").toAbsolutePath();
  }

  private Worker standalone() throws Exception {
    var config = workerConfig();
    config.put("offset.storage.file.filename", Path.of("offsets").toAbsolutePath().toString());
    config.put("listeners", "http://127.0.0.1:0");
    return new Worker("org.apache.kafka.connect.cli.ConnectStandalone",
        file("worker", config),
        file("source", source("alone")),
        file("sink", sink("alone")));
  }

  private static void append(String name, int from, int to) throws IOException {
    var lines = IntStream.range(from, to).mapToObj(i -> "line " + i).toList();
    Files.write(path(name + "-in"), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /** Until every line has come out, in order and once. */
  private static void untilOut(String name, int lines) throws InterruptedException {
    var expected = IntStream.range(0, lines).mapToObj(i -> "line " + i).toList();
    Check.until(lines + " lines are out", () -> {
      Check.equal("lines", expected, Files.readAllLines(path(name + "-out")));
      return true;
    });
  }

  private void fromFileToFile() throws Exception {
    append("alone", 0, 500);
    try (var worker = standalone()) {
      untilOut("alone", 500);
      append("alone", 500, 600);
      untilOut("alone", 600);
    }
  }

  /** The source goes on behind the line that it read last, the sink at its committed offset. */
  private void restart() throws Exception {
    append("alone", 600, 700);
    try (var worker = standalone()) {
      untilOut("alone", 700);
    }
  }

  private void kill() throws Exception {
    try (var worker = standalone()) {
      append("alone", 700, 800);
      run.killAndRestart();
      append("alone", 800, 900);
      untilNoneIsMissing("alone", 900);
    }
  }

  /** At least once: lines may come out twice. */
  private static void untilNoneIsMissing(String name, int lines) throws InterruptedException {
    Check.until("no line is missing", () -> {
      var out = Files.readAllLines(path(name + "-out"));
      var all = IntStream.range(0, lines).mapToObj(i -> "line " + i).toList();
      return Check.lost(all, out).isEmpty();
    });
  }

  private void group() throws Exception {
    try (var admin = clients.admin()) {
      String group = "connect-alone-sink";
      var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
      long committed = offsets.values().stream().mapToLong(each -> each.offset()).sum();
      Check.that(committed >= 900, "it has committed " + committed);
    }
  }

  private Worker worker(int port) throws Exception {
    var config = workerConfig();
    config.put("group.id", "connect-cluster");
    config.put("listeners", "http://127.0.0.1:" + port);
    for (String kind : STORED) {
      config.put(kind + ".storage.topic", "connect-" + kind);
      config.put(kind + ".storage.replication.factor", "1");
    }
    config.put("offset.storage.partitions", "5");
    return new Worker("org.apache.kafka.connect.cli.ConnectDistributed",
        file("distributed", config));
  }

  private void distributed() throws Exception {
    int port = freePort();
    append("cluster", 0, 100);
    try (var worker = worker(port)) {
      for (var connector : List.of(source("cluster"), sink("cluster"))) put(port, connector);
      untilOut("cluster", 100);
      theyAreCompacted();
      groupOfWorkers();
    }
  }

  /** Connectors and their offsets are read from the internal topics. */
  private void restartDistributed() throws Exception {
    append("cluster", 100, 200);
    try (var worker = worker(freePort())) {
      untilOut("cluster", 200);
    }
  }

  private void killDistributed() throws Exception {
    try (var worker = worker(freePort())) {
      append("cluster", 200, 300);
      run.killAndRestart();
      append("cluster", 300, 400);
      untilNoneIsMissing("cluster", 400);
    }
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static void put(int port, Map<String, String> connector) throws Exception {
    String name = connector.get("name");
    String json = connector.entrySet().stream()
        .map(each -> '"' + each.getKey() + "\":\"" + each.getValue() + '"')
        .collect(Collectors.joining(",", "{", "}"));
    var address = URI.create("http://127.0.0.1:" + port + "/connectors/" + name + "/config");
    var request = HttpRequest.newBuilder(address)
        .header("Content-Type", "application/json")
        .PUT(BodyPublishers.ofString(json))
        .build();
    Check.until("the connector " + name + " is there", () ->
        HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).statusCode() < 300);
  }

  private void theyAreCompacted() throws Exception {
    try (var admin = clients.admin()) {
      for (String kind : STORED) {
        var topic = new ConfigResource(Type.TOPIC, "connect-" + kind);
        var configs = admin.describeConfigs(List.of(topic)).all().get().get(topic);
        Check.equal(kind, "compact", configs.get("cleanup.policy").value());
      }
    }
  }

  /** Workers form a group too, of a protocol that is not that of consumers. */
  private void groupOfWorkers() throws Exception {
    try (var admin = clients.admin()) {
      var consumerGroups = admin.listConsumerGroups().all().get().stream()
          .map(each -> each.groupId()).toList();
      Check.that(!consumerGroups.contains("connect-cluster"), "it is not a consumer group");
    }
  }
}
