"""The conformance scenario with aiokafka."""

import asyncio
import threading

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from scenario import (
    Failure, Run, client_has_no, expect, expect_none_lost, expect_same, now_ms, records,
)

run = Run("aiokafka", aiokafka.__version__)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)


def step(name, do):
    """Does a step that is a coroutine function, in the one loop of the program."""
    run.step(name, lambda: loop.run_until_complete(do()))


async def eventually(what, condition):
    deadline = loop.time() + 55
    while not await condition():
        if loop.time() > deadline:
            raise Failure(f"not in time: {what}")
        await asyncio.sleep(0.05)


async def raises(what, text, awaitable):
    try:
        await awaitable
    except Exception as error:  # noqa: BLE001, compared below
        expect(f"{what} raises {text}, not {error!r}", True, text in f"{type(error).__name__} {error}")
        return
    raise Failure(f"{what}: expected {text}, but nothing was raised")


def check(code):
    """Raises the error of an answer's code."""
    if code != 0:
        raise for_code(code)()


async def started(client):
    await client.start()
    return client


async def new_admin():
    return await started(AIOKafkaAdminClient(bootstrap_servers=run.bootstrap, client_id="conformance"))


admin = loop.run_until_complete(new_admin())


async def new_producer(**options):
    return await started(AIOKafkaProducer(bootstrap_servers=run.bootstrap, **options))


async def new_consumer(*topics, **options):
    options = {"auto_offset_reset": "earliest", "client_id": "conformance", **options}
    return await started(AIOKafkaConsumer(*topics, bootstrap_servers=run.bootstrap, **options))


async def create_topic(name, partitions, configs=None):
    answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs or {})])
    check(answer.topic_errors[0][1])


async def send(topic, sent, **options):
    producer = await new_producer(linger_ms=20, **options)
    try:
        futures = [await producer.send(topic, key=key, value=value) for key, value in sent]
        return [await future for future in futures]
    finally:
        await producer.stop()


async def poll(consumer, count):
    read = []

    async def enough():
        for some in (await consumer.getmany(timeout_ms=200)).values():
            read.extend(some)
        return len(read) >= count

    await eventually(f"{count} records", enough)
    return read


async def read(topic, count, offset=0, **options):
    """`count` records of partition 0 from an offset on."""
    consumer = await new_consumer(group_id=None, **options)
    try:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek(TopicPartition(topic, 0), offset)
        return await poll(consumer, count)
    finally:
        await consumer.stop()


def plain(messages):
    return [(message.key, message.value) for message in messages]


async def send_and_read(topic, sent, **options):
    await send(topic, sent, **options)
    expect_same(sent, plain(await read(topic, len(sent))))


async def describe_cluster():
    cluster = await admin.describe_cluster()
    expect("brokers", 1, len(cluster["brokers"]))
    expect("controller", cluster["brokers"][0]["node_id"], cluster["controller_id"])
    expect("has a cluster id", True, bool(cluster["cluster_id"]))


async def create_scenario_topic():
    await create_topic("scenario", 4, {"retention.ms": "86400000"})
    await raises("created again", "TopicAlreadyExists", create_topic("scenario", 4))


async def partitions_of_scenario():
    (topic,) = await admin.describe_topics(["scenario"])
    check(topic["error_code"])
    return topic["partitions"]


async def describe_topics():
    expect("leaders", [1] * 4, [one["leader"] for one in await partitions_of_scenario()])
    expect("listed", True, "scenario" in await admin.list_topics())


async def headers_tombstones():
    topic, at = "headers-tombstones", now_ms() - 5000
    await create_topic(topic, 1)
    headers = [("a", b"1"), ("a", b"2"), ("empty", b""), ("binary", bytes([0, 255, 128]))]
    wanted = [(b"both", b"value"), (b"tombstone", None), (None, b"no key"), (b"", b"")]
    producer = await new_producer()
    for key, value in wanted:
        await producer.send_and_wait(topic, key=key, value=value, headers=headers, timestamp_ms=at)
    await producer.stop()
    back = await read(topic, len(wanted))
    expect_same(wanted, plain(back))
    expect("headers", headers, [tuple(header) for header in back[0].headers])
    expect("timestamp", at, back[0].timestamp)


async def large_record():
    await create_topic("large-record", 1)
    await send_and_read("large-record", [(b"large", b"0123456789" * 90_000)])
    too_large = [(b"large", b"0123456789" * 200_000)]
    sending = send("large-record", too_large, max_request_size=3_000_000)
    await raises("too large", "MessageSizeTooLarge", sending)


async def acks():
    await create_topic("acks", 1)
    for setting in (0, 1, "all"):
        await send("acks", records(10), acks=setting)
    await read("acks", 30)


async def idempotent_producer():
    await create_topic("idempotent", 1)
    await send_and_read("idempotent", records(1000), enable_idempotence=True, max_batch_size=4000)


async def seek_by_time():
    topic, first = "seek-by-time", now_ms() - 60_000
    await create_topic(topic, 1)
    producer = await new_producer(linger_ms=50)
    futures = [
        await producer.send(topic, key=key, value=value, timestamp_ms=first + i * 1000)
        for i, (key, value) in enumerate(records(10))
    ]
    await asyncio.gather(*futures)
    await producer.stop()
    partition = TopicPartition(topic, 0)
    consumer = await new_consumer(group_id=None)
    consumer.assign([partition])
    for after, wanted in ((-1000, 0), (4500, 5), (5000, 5), (9001, None)):
        found = (await consumer.offsets_for_times({partition: first + after}))[partition]
        expect(f"offset after {after} ms", wanted, found.offset if found else None)
    expect("end offset", 10, (await consumer.end_offsets([partition]))[partition])
    consumer.seek(partition, 5)
    expect("first record", 5, (await poll(consumer, 5))[0].offset)
    await consumer.stop()


async def group_consume():
    await create_topic("group-consume", 4)
    sent = records(100)
    await send("group-consume", sent)
    consumer = await new_consumer("group-consume", group_id="group-consume")
    back = await poll(consumer, len(sent))
    await consumer.stop()
    expect_same(sorted(sent), sorted(plain(back)))


async def group_rebalance():
    async def member():
        return await new_consumer("group-consume", group_id="group-rebalance", heartbeat_interval_ms=300)

    async def assigned(what, *wanted):
        async def reached():
            return [len(consumer.assignment()) for consumer, _ in wanted] == [n for _, n in wanted]

        await eventually(what, reached)

    first = await member()
    await assigned("the first member has all four partitions", (first, 4))
    second = await member()
    await assigned("both members have two partitions", (first, 2), (second, 2))
    await second.stop()
    await assigned("the first member has all four partitions again", (first, 4))
    await first.stop()


async def commit_resume():
    topic = "commit-resume"
    await create_topic(topic, 1)
    await send(topic, records(100))
    first = await new_consumer(topic, group_id=topic, enable_auto_commit=False)
    await poll(first, 100)
    await first.commit({TopicPartition(topic, 0): (40, "a note")})
    expect("committed", 40, await first.committed(TopicPartition(topic, 0)))
    await first.stop()
    second = await new_consumer(topic, group_id=topic, enable_auto_commit=False)
    back = await poll(second, 60)
    await second.stop()
    expect("resumed at", 40, back[0].offset)


async def list_groups():
    groups = [tuple(group)[:2] for group in await admin.list_consumer_groups()]
    expect("listed", True, ("group-consume", "consumer") in groups)


async def describe_group():
    consumer = await new_consumer("group-consume", group_id="describe-group")
    await poll(consumer, 100)
    (answer,) = await admin.describe_consumer_groups(["describe-group"])
    (group,) = answer.to_object()["groups"]
    check(group["error_code"])
    expect("state", "Stable", group["state"])
    expect("members", 1, len(group["members"]))
    expect("client id", "conformance", group["members"][0]["client_id"])
    await consumer.stop()


async def group_offsets():
    offsets = await admin.list_consumer_group_offsets("commit-resume")
    expect("committed", {TopicPartition("commit-resume", 0): (40, "a note")}, as_tuples(offsets))


def as_tuples(offsets):
    return {partition: (value.offset, value.metadata) for partition, value in offsets.items()}


async def configs_of(kind, name):
    (answer,) = await admin.describe_configs([ConfigResource(kind, name)])
    (resource,) = answer.resources
    check(resource[0])
    return {entry[0]: entry[1] for entry in resource[4]}


async def describe_configs():
    topic = await configs_of(ConfigResourceType.TOPIC, "scenario")
    expect("retention.ms", "86400000", topic["retention.ms"])
    broker = await configs_of(ConfigResourceType.BROKER, "1")
    expect("the broker has configs", True, len(broker) > 10)


async def alter_configs():
    async def alter(value):
        resource = ConfigResource(ConfigResourceType.TOPIC, "scenario", {"max.message.bytes": value})
        (answer,) = await admin.alter_configs([resource])
        check(answer.resources[0][0])

    await alter("2000000")
    configs = await configs_of(ConfigResourceType.TOPIC, "scenario")
    expect("max.message.bytes", "2000000", configs["max.message.bytes"])
    expect("retention.ms, which AlterConfigs resets", "604800000", configs["retention.ms"])
    await raises("no number", "Invalid", alter("no number"))


async def delete_records():
    await create_topic("delete-records", 1)
    await send("delete-records", records(100))
    partition = TopicPartition("delete-records", 0)
    answer = await admin.delete_records({partition: RecordsToDelete(before_offset=30)})
    expect("low watermark", 30, answer[partition])
    consumer = await new_consumer("delete-records", group_id=None)
    expect("first record", 30, (await poll(consumer, 70))[0].offset)
    await consumer.stop()


async def create_partitions():
    async def create(count):
        answer = await admin.create_partitions({"scenario": NewPartitions(count)})
        check(answer.topic_errors[0][1])

    await create(6)
    expect("partitions", 6, len(await partitions_of_scenario()))
    await raises("fewer", "InvalidPartitions", create(5))


async def transaction(transactional_id, sent, commit, before_end=None):
    run.needs("AddPartitionsToTxn", "EndTxn")
    producer = await new_producer(transactional_id=transactional_id)
    await producer.begin_transaction()
    for key, value in sent:
        await producer.send_and_wait("transactions", key=key, value=value)
    if before_end is not None:
        await before_end(producer)
    await (producer.commit_transaction() if commit else producer.abort_transaction())
    await producer.stop()


async def transaction_commit():
    run.needs("AddPartitionsToTxn", "EndTxn")
    await create_topic("transactions", 1)
    await transaction("scenario-1", records(10), True)
    back = await read("transactions", 10, isolation_level="read_committed")
    expect_same(records(10), plain(back))


async def transaction_abort():
    await transaction("scenario-1", records(5), False)
    await transaction("scenario-1", records(10), True)
    seen = await read("transactions", 20, isolation_level="read_committed")
    expect_same(records(10) + records(10), plain(seen))
    expect("read uncommitted", 25, len(await read("transactions", 25)))


async def transaction_offsets():
    run.needs("AddPartitionsToTxn", "EndTxn", "AddOffsetsToTxn", "TxnOffsetCommit")
    partition = TopicPartition("commit-resume", 0)

    async def send_offsets(producer):
        await producer.send_offsets_to_transaction({partition: 100}, "transactions")

    for commit, wanted in ((False, {}), (True, {partition: (100, "")})):
        await transaction("scenario-2", records(1), commit, send_offsets)

        # The transaction ends before its marker is written: the offset may appear a little later.
        async def committed():
            return as_tuples(await admin.list_consumer_group_offsets("transactions")) == wanted

        await eventually(f"committed: {wanted}", committed)


def kill_restart():
    """Not a coroutine: it waits for the runner while the loop's own thread goes on producing."""
    topic, partition = "kill-restart", TopicPartition("kill-restart", 0)

    async def prepare():
        await create_topic(topic, 1)
        committer = await new_consumer(group_id=topic, enable_auto_commit=False)
        committer.assign([partition])
        await committer.commit({partition: 7})
        await committer.stop()
        return await new_producer(enable_idempotence=True)

    producer = loop.run_until_complete(prepare())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def send_one(value):
        asyncio.run_coroutine_threadsafe(producer.send_and_wait(topic, value), loop).result(60)

    try:
        sent = run.produce_through_kill(send_one)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)

    async def compare():
        await producer.stop()
        back = [message.value for message in await read(topic, len(sent))]
        expect_none_lost(sent, back)
        expect("read, by an idempotent producer", sent, back)
        consumer = await new_consumer(group_id=topic, enable_auto_commit=False)
        expect("committed offset", 7, await consumer.committed(partition))
        await consumer.stop()

    loop.run_until_complete(compare())


async def delete_topic():
    # The admin client made before the kill may meet its broken connection first.
    fresh = await new_admin()

    async def delete():
        answer = await fresh.delete_topics(["scenario"])
        check(answer.topic_error_codes[0][1])

    await delete()
    expect("listed after deletion", False, "scenario" in await fresh.list_topics())
    await raises("deleted again", "UnknownTopicOrPartition", delete())
    await fresh.close()


def lacks(what):
    async def do():
        raise client_has_no(what)

    return do


async def produce(codec):
    await create_topic(f"produce-{codec}", 1)
    compression = None if codec == "none" else codec
    await send_and_read(f"produce-{codec}", records(200), compression_type=compression)


step("describe-cluster", describe_cluster)
step("create-topic", create_scenario_topic)
step("describe-topics", describe_topics)
step("auto-create", lambda: send_and_read("auto-create", records(3)))
for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    step(f"produce-{codec}", lambda: produce(codec))
step("headers-tombstones", headers_tombstones)
step("large-record", large_record)
step("acks", acks)
step("idempotent-producer", idempotent_producer)
step("seek-by-time", seek_by_time)
step("group-consume", group_consume)
step("group-rebalance", group_rebalance)
step("group-kip-848", lacks("it has no groups of the new protocol"))
step("commit-resume", commit_resume)
step("list-groups", list_groups)
step("describe-group", describe_group)
step("group-offsets", group_offsets)
step("delete-group", lacks("its admin client does not delete groups"))
step("describe-configs", describe_configs)
step("alter-configs", alter_configs)
step("delete-records", delete_records)
step("create-partitions", create_partitions)
step("transaction-commit", transaction_commit)
step("transaction-abort", transaction_abort)
step("transaction-offsets", transaction_offsets)
run.step("kill-restart", kill_restart)
step("delete-topic", delete_topic)
