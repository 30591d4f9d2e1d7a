"""The conformance scenario with the newest kafka-python."""

import kafka
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata

from kafka_python import Steps, plain
from scenario import Run, client_has_no, expect, expect_raises, expect_same, records, until

run = Run("kafka-python", kafka.__version__)


def new_admin():
    return KafkaAdminClient(bootstrap_servers=run.bootstrap, client_id="conformance")


admin = new_admin()


def offset_and_metadata(offset, metadata):
    return OffsetAndMetadata(offset, metadata, -1)


def create_topic(name, partitions, configs=None):
    options = {"num_partitions": partitions, "replication_factor": 1, "configs": configs or {}}
    admin.create_topics({name: options})


steps = Steps(run, create_topic, offset_and_metadata)


def describe_cluster():
    cluster = admin.describe_cluster()
    expect("brokers", 1, len(cluster["brokers"]))
    expect("controller", 1, cluster["controller_id"])
    expect("has a cluster id", True, bool(cluster["cluster_id"]))


def create_scenario_topic():
    create_topic("scenario", 4, {"retention.ms": "86400000"})
    expect_raises("created again", "TopicAlreadyExists", lambda: create_topic("scenario", 4))


def partitions_of_scenario():
    (topic,) = admin.describe_topics(["scenario"])
    return topic["partitions"]


def describe_topics():
    partitions = partitions_of_scenario()
    expect("leaders", [1] * 4, [partition["leader_id"] for partition in partitions])
    expect("listed", True, "scenario" in admin.list_topics())


def configs_of(kind, name):
    answer = admin.describe_configs([ConfigResource(kind, name)], config_filter="all")
    ((_, resources),) = answer.items()
    return {key: entry["value"] for key, entry in resources[name].items()}


def describe_configs():
    expect("retention.ms", "86400000", configs_of(ConfigResourceType.TOPIC, "scenario")["retention.ms"])
    expect("the broker has configs", True, len(configs_of(ConfigResourceType.BROKER, "1")) > 10)


def alter_configs():
    def alter(value, incremental):
        configs = {"max.message.bytes": value}
        resource = ConfigResource(ConfigResourceType.TOPIC, "scenario", configs)
        return admin.alter_configs([resource], incremental=incremental)

    for incremental, value in ((True, "2000000"), (False, "3000000")):
        alter(value, incremental)
        configs = configs_of(ConfigResourceType.TOPIC, "scenario")
        expect("max.message.bytes", value, configs["max.message.bytes"])
        expect("retention.ms", "86400000", configs["retention.ms"])
    refusal = repr(alter("no number", True))
    expect("no number is refused", True, "InvalidConfig" in refusal)


def delete_records():
    create_topic("delete-records", 1)
    steps.send("delete-records", records(100))
    partition = TopicPartition("delete-records", 0)
    answer = admin.delete_records({partition: 30})
    expect("low watermark", 30, answer[partition]["low_watermark"])
    consumer = steps.consumer(group_id=None)
    expect("earliest offset", 30, consumer.beginning_offsets([partition])[partition])
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    expect("first record", 30, steps.poll(consumer, 70)[0].offset)
    consumer.close()


def create_partitions():
    admin.create_partitions({"scenario": 6})
    expect("partitions", 6, len(partitions_of_scenario()))
    expect_raises("fewer", "InvalidPartitions", lambda: admin.create_partitions({"scenario": 5}))


def group_names():
    return [group["group_id"] for group in admin.list_groups()]


def list_groups():
    (group,) = [one for one in admin.list_groups() if one["group_id"] == "group-consume"]
    expect("protocol type", "consumer", group["protocol_type"])


def describe_group():
    consumer = steps.consumer(group_id="describe-group")
    consumer.subscribe(["group-consume"])
    steps.poll(consumer, 100)
    group = admin.describe_groups(["describe-group"])["describe-group"]
    expect("state", "Stable", str(group["group_state"]))
    expect("members", 1, len(group["members"]))
    member = group["members"][0]
    expect("client id", "conformance", member["client_id"])
    (assigned,) = member["member_assignment"]["assigned_partitions"]
    expect("assigned partitions", [0, 1, 2, 3], sorted(assigned["partitions"]))
    consumer.close()


def group_offsets():
    partition = TopicPartition("scenario", 2)
    altered = admin.alter_group_offsets("group-offsets", {partition: offset_and_metadata(42, "a note")})
    expect("altered", "NoError", altered[partition].__name__)
    offsets = admin.list_group_offsets({"group-offsets": None})["group-offsets"]
    expect("committed", {partition: (42, "a note")}, {key: tuple(value)[:2] for key, value in offsets.items()})
    deleted = admin.delete_group_offsets("group-offsets", [partition])
    expect("deleted", "NoError", deleted[partition].__name__)
    expect("committed after deletion", {}, admin.list_group_offsets({"group-offsets": None})["group-offsets"])


def offsets_of(group):
    offsets = admin.list_group_offsets({group: None})[group]
    return {partition: value.offset for partition, value in offsets.items()}


def delete_group():
    def delete():
        return repr(admin.delete_groups(["delete-group"]))

    consumer = steps.consumer(group_id="delete-group")
    consumer.subscribe(["group-consume"])
    steps.poll(consumer, 100)
    expect("refused with a member", True, "NonEmptyGroup" in delete())
    consumer.close()
    delete()
    expect("listed after deletion", False, "delete-group" in group_names())


def idempotent_producer():
    create_topic("idempotent", 1)
    steps.send_and_read("idempotent", records(1000), enable_idempotence=True, batch_size=4000)


def transaction(transactional_id, sent, end):
    run.needs("AddPartitionsToTxn", "EndTxn")
    producer = steps.producer(transactional_id=transactional_id)
    producer.init_transactions()
    producer.begin_transaction()
    for key, value in sent:
        producer.send("transactions", key=key, value=value)
    producer.flush(30)
    end(producer)
    producer.close()


def commit(producer):
    producer.commit_transaction()


def abort(producer):
    producer.abort_transaction()


def transaction_commit():
    run.needs("AddPartitionsToTxn", "EndTxn")
    create_topic("transactions", 1)
    transaction("scenario-1", records(10), commit)
    read = steps.read("transactions", 10, isolation_level="read_committed")
    expect_same(records(10), plain(read))


def transaction_abort():
    transaction("scenario-1", records(5), abort)
    transaction("scenario-1", records(10), commit)
    seen = steps.read("transactions", 20, isolation_level="read_committed")
    expect_same(records(10) + records(10), plain(seen))
    expect("read uncommitted", 25, len(steps.read("transactions", 25)))


def transaction_offsets():
    run.needs("AddPartitionsToTxn", "EndTxn", "AddOffsetsToTxn", "TxnOffsetCommit")
    partition = TopicPartition("commit-resume", 0)
    group = "transactions"
    for end, wanted in ((abort, {}), (commit, {partition: 100})):
        consumer = steps.consumer(group_id=group, enable_auto_commit=False)
        consumer.subscribe(["commit-resume"])
        steps.poll(consumer, 100)

        def send_offsets(producer):
            offsets = {partition: offset_and_metadata(100, "")}
            producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
            end(producer)

        transaction("scenario-2", records(1), send_offsets)
        consumer.close()
        # The transaction ends before its marker is written: the offset may appear a little later.
        until(f"committed: {wanted}", lambda: offsets_of(group) == wanted)


def kill_restart():
    sent, read = steps.kill_restart()
    expect("read, by an idempotent producer", sent, read)


def delete_topic():
    # The admin client made before the kill may meet its broken connection first.
    admin = new_admin()
    admin.delete_topics(["scenario"])
    expect("listed after deletion", False, "scenario" in admin.list_topics())
    expect_raises("deleted again", "UnknownTopicOrPartition", lambda: admin.delete_topics(["scenario"]))


def no_kip_848():
    raise client_has_no("it has no groups of the new protocol")


run.step("describe-cluster", describe_cluster)
run.step("create-topic", create_scenario_topic)
run.step("describe-topics", describe_topics)
run.step("auto-create", steps.auto_create)
for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    run.step(f"produce-{codec}", lambda: steps.produce(codec))
run.step("headers-tombstones", steps.headers_tombstones)
run.step("large-record", steps.large_record)
run.step("acks", lambda: steps.acks(enable_idempotence=False))
run.step("idempotent-producer", idempotent_producer)
run.step("seek-by-time", steps.seek_by_time)
run.step("group-consume", steps.group_consume)
run.step("group-rebalance", steps.group_rebalance)
run.step("group-kip-848", no_kip_848)
run.step("commit-resume", steps.commit_resume)
run.step("list-groups", list_groups)
run.step("describe-group", describe_group)
run.step("group-offsets", group_offsets)
run.step("delete-group", delete_group)
run.step("describe-configs", describe_configs)
run.step("alter-configs", alter_configs)
run.step("delete-records", delete_records)
run.step("create-partitions", create_partitions)
run.step("transaction-commit", transaction_commit)
run.step("transaction-abort", transaction_abort)
run.step("transaction-offsets", transaction_offsets)
run.step("kill-restart", kill_restart)
run.step("delete-topic", delete_topic)
