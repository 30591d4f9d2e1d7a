"""The scenario's steps with groups, in both protocols, and with group administration."""

import threading

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, TopicPartition

from scenario import Failure, expect, expect_raises, expect_same, records, until

NEW_PROTOCOL = {"group.protocol": "consumer"}


def plain(read):
    return [(message.key(), message.value()) for message in read]


def group_consume(client, group, options=None):
    client.create_topic(group, 4)
    sent = records(100)
    client.send(group, sent)
    consumer = client.consumer({"group.id": group, **(options or {})})
    consumer.subscribe([group])
    read = client.poll(consumer, len(sent))
    consumer.close()
    expect_same(sorted(sent), sorted(plain(read)))


class Member:
    """A member that polls in the background and counts its partitions."""

    def __init__(self, client, group, topic, options=None):
        # The new protocol has the broker say how often to beat.
        self.consumer = client.consumer({"group.id": group, **(options or {"heartbeat.interval.ms": 300})})
        self.consumer.subscribe([topic])
        self.assigned = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._poll, daemon=True)
        self.thread.start()

    def _poll(self):
        while not self.stop.is_set():
            self.consumer.poll(0.1)
            self.assigned = len(self.consumer.assignment())

    def leave(self):
        self.stop.set()
        self.thread.join(20)
        self.consumer.close()


def rebalance(client, group, topic, options=None):
    first = Member(client, group, topic, options)
    until("the first member has all four partitions", lambda: first.assigned == 4)
    second = Member(client, group, topic, options)
    until("both members have two partitions", lambda: (first.assigned, second.assigned) == (2, 2))
    second.leave()
    until("the first member has all four partitions again", lambda: first.assigned == 4)
    first.leave()


def kip_848(client):
    client.run.needs("ConsumerGroupHeartbeat")
    group_consume(client, "group-kip-848", NEW_PROTOCOL)
    rebalance(client, "group-kip-848", "group-kip-848", NEW_PROTOCOL)


def commit_resume(client):
    topic = "commit-resume"
    client.create_topic(topic, 1)
    client.send(topic, records(100))
    options = {"group.id": topic, "enable.auto.commit": False}
    first = client.consumer(options)
    first.subscribe([topic])
    client.poll(first, 100)
    first.commit(offsets=[TopicPartition(topic, 0, 40, metadata="a note")], asynchronous=False)
    (committed,) = first.committed([TopicPartition(topic, 0)], timeout=20)
    expect("committed", (40, "a note"), (committed.offset, committed.metadata))
    first.close()
    second = client.consumer(options)
    second.subscribe([topic])
    read = client.poll(second, 60)
    second.close()
    expect("resumed at", 40, read[0].offset())


def listed(client):
    result = client.admin.list_consumer_groups().result(30)
    if result.errors:
        raise Failure(f"errors: {result.errors}")
    return {group.group_id: group for group in result.valid}


def list_groups(client):
    expect("state", ConsumerGroupState.EMPTY, listed(client)["group-consume"].state)


def describe_group(client):
    consumer = client.consumer({"group.id": "describe-group"})
    consumer.subscribe(["group-consume"])
    client.poll(consumer, 100)
    group = client.one(client.admin.describe_consumer_groups(["describe-group"]))
    expect("state", ConsumerGroupState.STABLE, group.state)
    expect("members", 1, len(group.members))
    expect("client id", "conformance", group.members[0].client_id)
    assigned = group.members[0].assignment.topic_partitions
    expect("assigned partitions", [0, 1, 2, 3], sorted(one.partition for one in assigned))
    consumer.close()


def group_offsets(client):
    group = "group-offsets"
    wanted = [TopicPartition("scenario", 2, 42, metadata="a note")]
    request = ConsumerGroupTopicPartitions(group, wanted)
    client.one(client.admin.alter_consumer_group_offsets([request]))
    committed = client.committed(group, "scenario", 2)
    expect("committed", (42, "a note"), (committed.offset, committed.metadata))
    everything = ConsumerGroupTopicPartitions(group)
    answer = client.one(client.admin.list_consumer_group_offsets([everything]))
    expect("committed partitions", 1, len(answer.topic_partitions))


def delete_group(client):
    def delete():
        client.one(client.admin.delete_consumer_groups(["delete-group"]))

    consumer = client.consumer({"group.id": "delete-group"})
    consumer.subscribe(["group-consume"])
    client.poll(consumer, 100)
    expect_raises("with a member", "NON_EMPTY_GROUP", delete)
    consumer.close()
    delete()
    expect("listed after deletion", False, "delete-group" in listed(client))


def take(client):
    step = client.run.step
    step("group-consume", lambda: group_consume(client, "group-consume"))
    step("group-rebalance", lambda: rebalance(client, "group-rebalance", "group-consume"))
    step("group-kip-848", lambda: kip_848(client))
    step("commit-resume", lambda: commit_resume(client))
    step("list-groups", lambda: list_groups(client))
    step("describe-group", lambda: describe_group(client))
    step("group-offsets", lambda: group_offsets(client))
    step("delete-group", lambda: delete_group(client))
