package conformance;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.apache.kafka.common.KafkaFuture;

/** What steps expect; what is not as expected ends the step with an AssertionError. */
public final class Check {
  private static final Duration UNTIL_TIMEOUT = Duration.ofSeconds(45);

  private Check() {}

  public static void that(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }

  public static void equal(String what, Object expected, Object actual) {
    if (Objects.equals(expected, actual)) return;
    throw new AssertionError(what + ": expected " + brief(expected) + ", got " + brief(actual));
  }

  private static String brief(Object value) {
    String text = String.valueOf(value);
    return text.length() <= 200 ? text : text.substring(0, 200) + "…";
  }

  /** Waits for a failure and checks its class. */
  public static <E extends Throwable> E fails(String what, Class<E> expected, Callable<?> call) {
    try {
      Object result = call.call();
      throw new AssertionError(
          what + ": expected " + expected.getSimpleName() + ", got " + brief(result));
    } catch (AssertionError error) {
      throw error;
    } catch (Throwable failure) {
      Throwable cause = Run.cause(failure);
      if (expected.isInstance(cause)) return expected.cast(cause);
      throw new AssertionError(
          what + ": expected " + expected.getSimpleName() + ", got " + cause, cause);
    }
  }

  public static <E extends Throwable> E fails(
      String what, Class<E> expected, KafkaFuture<?> future) {
    return fails(what, expected, future::get);
  }

  /** Asks again and again until the condition holds; a condition that throws does not hold yet. */
  public static void until(String what, Callable<Boolean> condition) throws InterruptedException {
    long deadlineNs = System.nanoTime() + UNTIL_TIMEOUT.toNanos();
    Throwable last = null;
    while (System.nanoTime() < deadlineNs) {
      try {
        if (condition.call()) return;
        last = null;
      } catch (InterruptedException interrupted) {
        throw interrupted;
      } catch (Exception | AssertionError failure) {
        last = Run.cause(failure);
      }
      Thread.sleep(50);
    }
    throw new AssertionError("not in time: " + what + (last == null ? "" : ", " + last), last);
  }

  /** The acknowledged values that were not read. */
  public static List<String> lost(Collection<String> acknowledged, Collection<String> read) {
    var there = new HashSet<>(read);
    var lost = new ArrayList<String>();
    for (String value : acknowledged) {
      if (!there.contains(value)) lost.add(value);
    }
    return lost;
  }
}
