package conformance;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Calls the classes behind Kafka's command line tools (kafka-topics.sh and its like) in this
 * process, with what they print caught.
 */
final class Tool {
  /** Where a class may be: tools have moved from Kafka's core to a module of their own. */
  private static final List<String> PACKAGES =
      List.of("org.apache.kafka.tools.", "kafka.tools.", "kafka.admin.");

  /** What a tool printed on both streams, and with which status it ended. */
  record Outcome(String output, int status) {}

  /** Thrown where a tool would end the process; tools catch exceptions, but no errors. */
  private static final class Ended extends Error {
    Ended(int status) {
      super("ended with " + status, null, false, false);
    }
  }

  /** With which status the running tool ended first; its own handlers may make another of it. */
  private static Integer ended;
  private static int printedAtEnd;
  private static final List<Runnable> atExit = new ArrayList<>();

  private final String bootstrap;

  Tool(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  private static void catchEnds(ByteArrayOutputStream printed) {
    ended = null;
    atExit.clear();
    Exit.Procedure procedure = (status, message) -> {
      if (ended == null) {
        ended = status;
        printedAtEnd = printed.size();
      }
      throw new Ended(status);
    };
    Exit.setExitProcedure(procedure);
    Exit.setHaltProcedure(procedure);
    Exit.setShutdownHookAdder((name, hook) -> atExit.add(hook));
  }

  /** Ends a step as not offered by the client when this release has no such tool. */
  static Class<?> demand(String tool) throws NotOffered {
    for (String name : PACKAGES) {
      try {
        return Class.forName(name + tool);
      } catch (ClassNotFoundException absent) {
        continue;
      }
    }
    throw NotOffered.byClient("this release has no " + tool);
  }

  /** Runs a tool that must end well, against the broker, and returns what it printed. */
  String run(String tool, String... arguments) throws Exception {
    return typed("", tool, arguments);
  }

  /** The same, with text on its standard input. */
  String typed(String input, String tool, String... arguments) throws Exception {
    var outcome = outcome(input, tool, arguments);
    Check.that(outcome.status == 0, tool + " ended with " + outcome.status + ": " + outcome.output);
    return outcome.output;
  }

  /** Runs a tool that is told of the broker; it may end as it likes. */
  Outcome outcome(String input, String tool, String... arguments) throws Exception {
    var all = new ArrayList<>(List.of("--bootstrap-server", bootstrap));
    all.addAll(List.of(arguments));
    return plain(input, tool, all.toArray(String[]::new));
  }

  /** Runs a tool with these arguments alone. */
  static Outcome plain(String input, String tool, String... arguments) throws Exception {
    var main = demand(tool).getMethod("main", String[].class);
    var bytes = new ByteArrayOutputStream();
    var caught = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    PrintStream out = System.out;
    PrintStream err = System.err;
    InputStream in = System.in;
    catchEnds(bytes);
    System.setOut(caught);
    System.setErr(caught);
    System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
    try {
      // Tools of Kafka's core are written in Scala, whose Console keeps the streams it found first.
      ScalaConsole.with(caught, () -> main.invoke(null, (Object) arguments));
    } catch (InvocationTargetException failure) {
      if (!(failure.getCause() instanceof Ended)) throw failure;
    } finally {
      for (var hook : List.copyOf(atExit)) hook.run();
      System.setOut(out);
      System.setErr(err);
      System.setIn(in);
    }
    if (ended == null) return new Outcome(bytes.toString(StandardCharsets.UTF_8), 0);
    String said = new String(bytes.toByteArray(), 0, printedAtEnd, StandardCharsets.UTF_8);
    return new Outcome(said, ended);
  }

  /** Arguments behind others. */
  static String[] with(String[] first, String... more) {
    var all = new ArrayList<>(List.of(first));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  static void contains(String said, String... expected) {
    for (String part : expected) {
      Check.that(said.contains(part), "\"" + part + "\" is not in: " + said);
    }
  }

  static List<String> lines(String said) {
    return Arrays.stream(said.split("\n")).map(String::strip).toList();
  }

  /** Tools print tables whose columns are as wide as they need to be. */
  static String narrow(String said) {
    return said.replaceAll("[ \t]+", " ");
  }
}
