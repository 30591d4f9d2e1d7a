package conformance;

/** A part of the programs that is built only with the Maven profile "ecosystem". */
public interface Part {
  /** @throws IllegalArgumentException when there is no part of this name */
  void run(String part, Run run, Clients clients) throws Exception;
}
