package conformance;

/** The parts with more than the clients: Kafka's tools, Streams and Connect. */
public final class Ecosystem implements Part {
  @Override
  public void run(String part, Run run, Clients clients) throws Exception {
    switch (part) {
      case "tools" -> new Tools(run, clients).steps();
      case "streams" -> new Streams(run, clients).steps();
      case "connect" -> new Connect(run, clients).steps();
      default -> throw new IllegalArgumentException("no part is called " + part);
    }
  }
}
