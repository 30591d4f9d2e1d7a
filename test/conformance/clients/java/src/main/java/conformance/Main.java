package conformance;

/** Runs one part of the programs: the common scenario, unless the first argument names another. */
public final class Main {
  private Main() {}

  public static void main(String[] names) throws Exception {
    var run = new Run();
    var clients = new Clients(run.bootstrap);
    switch (names.length == 0 ? "scenario" : names[0]) {
      case "scenario" -> scenario(run, clients);
      case "admin" -> new Admins(run, clients).steps();
      case "consumers" -> {
        new Consumers(run, clients, "classic").steps();
        new Consumers(run, clients, "consumer").steps();
        new LineOfConsumers(run, clients).steps();
      }
      // Built only together with the tools and frameworks.
      default -> part("conformance.Ecosystem").run(names[0], run, clients);
    }
    // Clients of a step that hangs would keep the program alive.
    System.exit(0);
  }

  private static Part part(String name) throws ReflectiveOperationException {
    return (Part) Class.forName(name).getDeclaredConstructor().newInstance();
  }

  private static void scenario(Run run, Clients clients) {
    new Topics(run, clients).createAndDescribe();
    new Produce(run, clients).steps();
    new Groups(run, clients).steps();
    var topics = new Topics(run, clients);
    topics.configure();
    topics.changeRecordsAndPartitions();
    new Transactions(run, clients).steps();
    new KillRestart(run, clients).step();
    topics.delete();
  }
}
