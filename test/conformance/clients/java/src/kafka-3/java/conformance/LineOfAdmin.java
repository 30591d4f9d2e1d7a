package conformance;

import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.ConfigResource.Type;

/** Steps of the part "admin" with methods that only clients of the 3.x line have. */
final class LineOfAdmin {
  private final Admins part;

  LineOfAdmin(Admins part) {
    this.part = part;
  }

  void steps() {
    part.step("alterConfigs", this::alterConfigs);
    part.step("listClientMetricsResources", admin -> {
      part.needs("ListConfigResources");
      Check.equal("resources", List.of(), List.copyOf(
          admin.listClientMetricsResources().all().get()));
    });
  }

  @SuppressWarnings("deprecation")
  private void alterConfigs(Admin admin) throws Exception {
    var topic = new ConfigResource(Type.TOPIC, "with-defaults");
    var configs = new Config(List.of(new ConfigEntry("retention.ms", "1234")));
    admin.alterConfigs(Map.of(topic, configs)).all().get();
    var changed = AdminConfigs.configs(admin, topic);
    Check.equal("retention.ms", "1234", changed.get("retention.ms").value());
    admin.alterConfigs(Map.of(topic, new Config(List.of()))).all().get();
    var back = AdminConfigs.configs(admin, topic);
    Check.equal("what is not named is deleted", "604800000", back.get("retention.ms").value());
  }
}
