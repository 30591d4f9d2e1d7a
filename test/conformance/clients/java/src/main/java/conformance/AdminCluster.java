package conformance;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.FeatureUpdate.UpgradeType;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UpdateFeaturesOptions;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.errors.InvalidUpdateVersionException;
import org.apache.kafka.common.errors.SecurityDisabledException;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Steps of the part "admin": what belongs to the cluster as a whole. */
final class AdminCluster {
  private final Admins part;

  AdminCluster(Admins part) {
    this.part = part;
  }

  void steps() {
    part.step("describeCluster", this::describe);
    part.step("describeFeatures", this::features);
    part.step("updateFeatures", this::updateFeatures);
    part.step("describeMetadataQuorum", this::quorum);
    part.step("describeClientQuotas", this::quotas);
    part.step("describeUserScramCredentials", this::scram);
    part.step("describeAcls", this::acls);
    part.step("clientInstanceId", admin -> {
      part.needs("GetTelemetrySubscriptions");
      admin.clientInstanceId(Duration.ofSeconds(5));
    });
  }

  private void describe(Admin admin) throws Exception {
    var options = new DescribeClusterOptions().includeAuthorizedOperations(true);
    var cluster = admin.describeCluster(options);
    Check.equal("id", 22, cluster.clusterId().get().length());
    Check.equal("nodes", 1, cluster.nodes().get().size());
    Check.equal("controller", 1, cluster.controller().get().id());
    var operations = cluster.authorizedOperations().get();
    Check.that(operations.contains(AclOperation.ALTER), "altering is authorized");
  }

  private void features(Admin admin) throws Exception {
    var features = admin.describeFeatures().featureMetadata().get();
    features.finalizedFeatures().forEach((name, range) -> {
      var supported = features.supportedFeatures().get(name);
      Check.that(supported != null, name + " is finalized and supported");
      Check.that(range.maxVersionLevel() <= supported.maxVersion(), name + " is in its range");
    });
  }

  private void updateFeatures(Admin admin) throws Exception {
    part.needs("UpdateFeatures");
    var wrong = Map.of("metadata.version", new FeatureUpdate((short) 9_999, UpgradeType.UPGRADE));
    var options = new UpdateFeaturesOptions().validateOnly(true);
    Check.fails("beyond all versions", InvalidUpdateVersionException.class,
        admin.updateFeatures(wrong, options).all());
  }

  private void quorum(Admin admin) throws Exception {
    part.needs("DescribeQuorum");
    var quorum = admin.describeMetadataQuorum().quorumInfo().get();
    Check.equal("leader", 1, quorum.leaderId());
    Check.equal("voters", 1, quorum.voters().size());
  }

  private void quotas(Admin admin) throws Exception {
    part.needs("DescribeClientQuotas", "AlterClientQuotas");
    var entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, "somebody"));
    var set = new ClientQuotaAlteration.Op("producer_byte_rate", 1_000_000.0);
    var change = new ClientQuotaAlteration(entity, List.of(set));
    admin.alterClientQuotas(List.of(change)).all().get();
    var all = ClientQuotaFilter.all();
    Check.until("it is there", () ->
        admin.describeClientQuotas(all).entities().get().containsKey(entity));
    var found = admin.describeClientQuotas(all).entities().get().get(entity);
    Check.equal("quota", Map.of("producer_byte_rate", 1_000_000.0), found);
    var remove = new ClientQuotaAlteration.Op("producer_byte_rate", null);
    admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(remove))))
        .all().get();
    Check.until("it is gone", () ->
        !admin.describeClientQuotas(all).entities().get().containsKey(entity));
  }

  private void scram(Admin admin) throws Exception {
    part.needs("DescribeUserScramCredentials", "AlterUserScramCredentials");
    var mechanism = ScramMechanism.SCRAM_SHA_256;
    var info = new ScramCredentialInfo(mechanism, 8192);
    var upsertion = new UserScramCredentialUpsertion("somebody", info, "a secret");
    admin.alterUserScramCredentials(List.of(upsertion)).all().get();
    Check.until("it is there", () -> List.of(info).equals(
        admin.describeUserScramCredentials(List.of("somebody"))
            .description("somebody").get().credentialInfos()));
    var deletion = new UserScramCredentialDeletion("somebody", mechanism);
    admin.alterUserScramCredentials(List.of(deletion)).all().get();
    Check.until("it is gone", () ->
        admin.describeUserScramCredentials().users().get().isEmpty());
  }

  private void acls(Admin admin) throws Exception {
    part.needs("DescribeAcls", "CreateAcls", "DeleteAcls");
    var pattern = new ResourcePattern(ResourceType.TOPIC, "secret", PatternType.PREFIXED);
    var entry = new AccessControlEntry(
        "User:somebody", "*", AclOperation.READ, AclPermissionType.ALLOW);
    var binding = new AclBinding(pattern, entry);
    try {
      admin.createAcls(List.of(binding)).all().get();
    } catch (Exception failure) {
      if (!(Run.cause(failure) instanceof SecurityDisabledException)) throw failure;
      Check.fails("describe", SecurityDisabledException.class,
          admin.describeAcls(AclBindingFilter.ANY).values());
      Check.fails("delete", SecurityDisabledException.class,
          admin.deleteAcls(List.of(AclBindingFilter.ANY)).all());
      throw NotOffered.byBroker("it has no authorizer");
    }
    Check.until("it is there", () ->
        admin.describeAcls(binding.toFilter()).values().get().contains(binding));
    admin.deleteAcls(List.of(binding.toFilter())).all().get();
    Check.until("it is gone", () ->
        admin.describeAcls(AclBindingFilter.ANY).values().get().isEmpty());
  }
}
