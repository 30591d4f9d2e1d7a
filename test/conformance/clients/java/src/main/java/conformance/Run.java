package conformance;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;

/**
 * Reports the steps of a program, one JSON line each, and asks the runner for what only the runner
 * can do. See the README of the folder above.
 */
public final class Run {
  @FunctionalInterface
  public interface Step {
    void run() throws Exception;
  }

  private static final Duration STEP_TIMEOUT = Duration.ofSeconds(60);
  private static final int DETAIL_LENGTH = 1_000;

  public final String bootstrap = System.getenv("CONFORMANCE_BOOTSTRAP");
  public final String version = libraryVersion();
  private final Set<String> offered =
      Set.copyOf(Arrays.asList(System.getenv("CONFORMANCE_OFFERED").split(",")));
  private final BufferedReader answers = new BufferedReader(new InputStreamReader(System.in));
  private final PrintStream output = System.out;

  Run() {
    print(Map.of("client", "kafka-clients", "version", version));
  }

  /** Of the library that is really there, from the file by which it names itself. */
  private static String libraryVersion() {
    try (var file = Run.class.getResourceAsStream("/kafka/kafka-version.properties")) {
      var properties = new Properties();
      properties.load(file);
      return properties.getProperty("version");
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  /** Whether the broker has every one of these APIs in its ApiVersions. */
  public boolean offers(String... apis) {
    return offered.containsAll(Set.of(apis));
  }

  /** Ends a step as not offered by the broker when it lacks one of the APIs. */
  public void needs(String... apis) throws NotOffered {
    for (String api : apis) {
      if (!offered.contains(api)) throw NotOffered.byBroker("the broker does not offer " + api);
    }
  }

  /** Does one step and reports how it went. A step that hangs has failed. */
  public void step(String name, Step step) {
    var task = new FutureTask<Void>(() -> {
      step.run();
      return null;
    });
    var thread = new Thread(task, "step " + name);
    thread.setDaemon(true);
    thread.start();
    Map<String, String> report = new LinkedHashMap<>();
    report.put("step", name);
    try {
      task.get(STEP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      report.put("result", "passed");
    } catch (TimeoutException hangs) {
      report.put("result", "failed");
      report.put("detail", "it hangs in " + whereabouts(thread));
      task.cancel(true);
    } catch (ExecutionException failed) {
      describe(cause(failed), report);
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
    print(report);
  }

  private static void describe(Throwable failure, Map<String, String> report) {
    if (failure instanceof NotOffered lack) {
      report.put("result", "not-offered");
      report.put("by", lack.by);
      report.put("detail", lack.getMessage());
      return;
    }
    report.put("result", "failed");
    String text = failure instanceof AssertionError ? failure.getMessage() : failure.toString();
    if (failure.getCause() != null) text += ", caused by " + failure.getCause();
    if (System.getenv("CONFORMANCE_TRACE") != null) failure.printStackTrace();
    report.put("detail", text.substring(0, Math.min(DETAIL_LENGTH, text.length())));
  }

  /** The failure behind the wrappings of futures. */
  public static Throwable cause(Throwable failure) {
    boolean wrapped =
        failure instanceof ExecutionException || failure instanceof CompletionException;
    return wrapped && failure.getCause() != null ? cause(failure.getCause()) : failure;
  }

  private static String whereabouts(Thread thread) {
    return Arrays.stream(thread.getStackTrace())
        .filter(frame -> frame.getClassName().contains("kafka") || isOurs(frame))
        .limit(4)
        .map(StackTraceElement::toString)
        .collect(Collectors.joining(" < "));
  }

  private static boolean isOurs(StackTraceElement frame) {
    return frame.getClassName().startsWith("conformance.");
  }

  /** Has the broker killed (SIGKILL) and started again, and waits until it is ready. */
  public void killAndRestart() throws IOException {
    print(Map.of("ask", "kill-restart"));
    String answer = answers.readLine();
    Check.that("restarted".equals(answer), "the runner answered " + answer);
  }

  private synchronized void print(Map<String, String> fields) {
    output.println(fields.entrySet().stream()
        .map(field -> quoted(field.getKey()) + ":" + quoted(field.getValue()))
        .collect(Collectors.joining(",", "{", "}")));
    output.flush();
  }

  private static String quoted(String text) {
    var json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') json.append('\\').append(c);
      else if (c < ' ') json.append(String.format("\\u%04x", (int) c));
      else json.append(c);
    }
    return json.append('"').toString();
  }
}
