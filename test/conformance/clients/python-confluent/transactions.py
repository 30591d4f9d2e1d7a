"""The scenario's steps with transactions."""

from confluent_kafka import TopicPartition

from scenario import expect, expect_same, records, until

COMMITTED = {"isolation.level": "read_committed"}
UNCOMMITTED = {"isolation.level": "read_uncommitted"}


def plain(read):
    return [(message.key(), message.value()) for message in read]


def commit(producer):
    producer.commit_transaction(30)


def abort(producer):
    producer.abort_transaction(30)


def transaction(client, transactional_id, sent, end):
    producer = client.producer({"transactional.id": transactional_id})
    producer.init_transactions(30)
    producer.begin_transaction()
    client.send_by(producer, "transactions", sent)
    end(producer)


def transaction_commit(client):
    client.run.needs("AddPartitionsToTxn", "EndTxn")
    client.create_topic("transactions", 1)
    transaction(client, "scenario-1", records(10), commit)
    expect_same(records(10), plain(client.read("transactions", 10, options=COMMITTED)))


def transaction_abort(client):
    client.run.needs("AddPartitionsToTxn", "EndTxn")
    transaction(client, "scenario-1", records(5), abort)
    transaction(client, "scenario-1", records(10), commit)
    seen = client.read("transactions", 20, options=COMMITTED)
    expect_same(records(10) + records(10), plain(seen))
    expect("read uncommitted", 25, len(client.read("transactions", 25, options=UNCOMMITTED)))


def transaction_offsets(client):
    client.run.needs("AddPartitionsToTxn", "EndTxn", "AddOffsetsToTxn", "TxnOffsetCommit")
    group = "transactions"
    for end, wanted in ((abort, -1001), (commit, 100)):
        consumer = client.consumer({"group.id": group, "enable.auto.commit": False})
        consumer.subscribe(["commit-resume"])
        client.poll(consumer, 100)

        def send_offsets(producer):
            offsets = [TopicPartition("commit-resume", 0, 100)]
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 30)
            end(producer)

        transaction(client, "scenario-2", records(1), send_offsets)
        consumer.close()
        # The transaction ends before its marker is written: the offset may appear a little later.
        until(
            f"offset {wanted} is committed",
            lambda: client.committed(group, "commit-resume", 0).offset == wanted,
        )


def take(client):
    step = client.run.step
    step("transaction-commit", lambda: transaction_commit(client))
    step("transaction-abort", lambda: transaction_abort(client))
    step("transaction-offsets", lambda: transaction_offsets(client))
