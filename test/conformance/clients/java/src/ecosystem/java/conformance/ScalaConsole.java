package conformance;

import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.Callable;
import scala.Console$;
import scala.runtime.AbstractFunction0;

/** Redirects what Scala code prints. */
final class ScalaConsole {
  private ScalaConsole() {}

  /** @throws InvocationTargetException from the call, with what it threw */
  static void with(PrintStream stream, Callable<?> call) throws InvocationTargetException {
    var failure = new Throwable[1];
    var body = new AbstractFunction0<Object>() {
      @Override
      public Object apply() {
        try {
          return call.call();
        } catch (Exception thrown) {
          failure[0] = thrown;
          return null;
        }
      }
    };
    Console$.MODULE$.withOut(stream, new AbstractFunction0<Object>() {
      @Override
      public Object apply() {
        return Console$.MODULE$.withErr(stream, body);
      }
    });
    if (failure[0] instanceof InvocationTargetException thrown) throw thrown;
    if (failure[0] != null) throw new InvocationTargetException(failure[0]);
  }
}
