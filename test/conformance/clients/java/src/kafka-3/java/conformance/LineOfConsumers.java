package conformance;

/** Steps of the part "consumers" for which clients of the 3.x line have nothing. */
final class LineOfConsumers {
  private final Run run;

  LineOfConsumers(Run run, Clients clients) {
    this.run = run;
  }

  void steps() {
    for (String step : new String[] {"two share", "released and rejected"}) {
      run.step(step + " (share)", () -> {
        throw NotOffered.byClient("this release has no share consumer");
      });
    }
  }
}
