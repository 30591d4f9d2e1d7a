"""The conformance scenario with kafka-python 2.0.2, the release that is most in use."""

import kafka
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.structs import OffsetAndMetadata

from kafka_python import Steps
from scenario import Run, client_has_no, expect, expect_raises, records

run = Run("kafka-python", kafka.__version__)


def new_admin():
    return KafkaAdminClient(bootstrap_servers=run.bootstrap, client_id="conformance")


admin = new_admin()


def create_topic(name, partitions, configs=None):
    admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs or {})])


steps = Steps(run, create_topic, OffsetAndMetadata)


def describe_cluster():
    cluster = admin.describe_cluster()
    expect("brokers", 1, len(cluster["brokers"]))
    expect("controller", cluster["brokers"][0]["node_id"], cluster["controller_id"])
    expect("has a cluster id", True, bool(cluster["cluster_id"]))


def create_scenario_topic():
    create_topic("scenario", 4, {"retention.ms": "86400000"})
    expect_raises("created again", "TopicAlreadyExists", lambda: create_topic("scenario", 4))


def describe_topics():
    (topic,) = admin.describe_topics(["scenario"])
    expect("error", 0, topic["error_code"])
    expect("leaders", [1] * 4, [partition["leader"] for partition in topic["partitions"]])
    expect("listed", True, "scenario" in admin.list_topics())


def configs_of(kind, name):
    (answer,) = admin.describe_configs([ConfigResource(kind, name)])
    (resource,) = answer.resources
    expect("error", 0, resource[0])
    return {entry[0]: entry[1] for entry in resource[4]}


def describe_configs():
    expect("retention.ms", "86400000", configs_of(ConfigResourceType.TOPIC, "scenario")["retention.ms"])
    expect("the broker has configs", True, len(configs_of(ConfigResourceType.BROKER, "1")) > 10)


def alter_configs():
    def alter(value):
        resource = ConfigResource(ConfigResourceType.TOPIC, "scenario", {"max.message.bytes": value})
        return admin.alter_configs([resource]).resources[0][0]

    expect("error", 0, alter("2000000"))
    configs = configs_of(ConfigResourceType.TOPIC, "scenario")
    expect("max.message.bytes", "2000000", configs["max.message.bytes"])
    expect("retention.ms, which AlterConfigs resets", "604800000", configs["retention.ms"])
    expect("error for no number", 40, alter("no number"))


def create_partitions():
    admin.create_partitions({"scenario": NewPartitions(6)})
    expect("partitions", 6, len(admin.describe_topics(["scenario"])[0]["partitions"]))
    expect_raises(
        "fewer", "InvalidPartitions", lambda: admin.create_partitions({"scenario": NewPartitions(5)})
    )


def list_groups():
    expect("listed", True, ("group-consume", "consumer") in admin.list_consumer_groups())


def describe_group():
    consumer = steps.consumer(group_id="describe-group")
    consumer.subscribe(["group-consume"])
    steps.poll(consumer, 100)
    (group,) = admin.describe_consumer_groups(["describe-group"])
    expect("state", "Stable", group.state)
    expect("members", 1, len(group.members))
    member = group.members[0]
    expect("client id", "conformance", member.client_id)
    expect("assigned partitions", [0, 1, 2, 3], sorted(member.member_assignment.assignment[0][1]))
    consumer.close()


def group_offsets():
    (committed,) = admin.list_consumer_group_offsets("commit-resume").items()
    partition, offset = committed
    expect("partition", ("commit-resume", 0), tuple(partition))
    expect("offset", (40, "a note"), tuple(offset))


def delete_group():
    consumer = steps.consumer(group_id="delete-group")
    consumer.subscribe(["group-consume"])
    steps.poll(consumer, 100)
    ((_, error),) = admin.delete_consumer_groups(["delete-group"])
    expect("with a member", "NonEmptyGroupError", error.__name__)
    consumer.close()
    ((_, error),) = admin.delete_consumer_groups(["delete-group"])
    expect("error", "NoError", error.__name__)
    names = [name for name, _ in admin.list_consumer_groups()]
    expect("listed after deletion", False, "delete-group" in names)


def delete_topic():
    # An admin client of 2.0 does not get over a connection that broke, as it did at the kill.
    admin = new_admin()
    admin.delete_topics(["scenario"])
    expect("listed after deletion", False, "scenario" in admin.list_topics())
    expect_raises("deleted again", "UnknownTopicOrPartition", lambda: admin.delete_topics(["scenario"]))


def lacks(what):
    def do():
        raise client_has_no(what)

    return do


run.step("describe-cluster", describe_cluster)
run.step("create-topic", create_scenario_topic)
run.step("describe-topics", describe_topics)
run.step("auto-create", steps.auto_create)
for codec in ("none", "gzip", "snappy", "lz4"):
    run.step(f"produce-{codec}", lambda: steps.produce(codec))
run.step("produce-zstd", lambda: steps.produce("zstd"))
run.step("headers-tombstones", steps.headers_tombstones)
run.step("large-record", steps.large_record)
run.step("acks", steps.acks)
run.step("idempotent-producer", lacks("2.0 has no idempotent producer"))
run.step("seek-by-time", steps.seek_by_time)
run.step("group-consume", steps.group_consume)
run.step("group-rebalance", steps.group_rebalance)
run.step("group-kip-848", lacks("it has no groups of the new protocol"))
run.step("commit-resume", steps.commit_resume)
run.step("list-groups", list_groups)
run.step("describe-group", describe_group)
run.step("group-offsets", group_offsets)
run.step("delete-group", delete_group)
run.step("describe-configs", describe_configs)
run.step("alter-configs", alter_configs)
run.step("delete-records", lacks("2.0 has no DeleteRecords"))
run.step("create-partitions", create_partitions)
for step in ("transaction-commit", "transaction-abort", "transaction-offsets"):
    run.step(step, lacks("2.0 has no transactions"))
run.step("kill-restart", lambda: steps.kill_restart(retries=1000, retry_backoff_ms=100))
run.step("delete-topic", delete_topic)
