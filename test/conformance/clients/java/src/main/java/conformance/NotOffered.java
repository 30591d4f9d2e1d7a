package conformance;

/** Why a step could not be tried. */
public final class NotOffered extends Exception {
  /** Whose lack it is: "client" or "broker". */
  final String by;

  private NotOffered(String by, String detail) {
    super(detail);
    this.by = by;
  }

  public static NotOffered byClient(String detail) {
    return new NotOffered("client", detail);
  }

  public static NotOffered byBroker(String detail) {
    return new NotOffered("broker", detail);
  }
}
