"""The steps that kafka-python 2.0 and 3.x do in the same way: producing and consuming."""

import threading

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from scenario import (
    expect, expect_none_lost, expect_raises, expect_same, now_ms, records,
    until,
)


def plain(read):
    return [(record.key, record.value) for record in read]


class Steps:
    """What needs no admin client but one that creates topics: `create_topic(name, partitions)`."""

    def __init__(self, run, create_topic, offset_and_metadata):
        self.run = run
        self.create_topic = create_topic
        self.offset_and_metadata = offset_and_metadata

    def producer(self, **options):
        return KafkaProducer(bootstrap_servers=self.run.bootstrap, **options)

    def consumer(self, **options):
        options = {"auto_offset_reset": "earliest", "client_id": "conformance", **options}
        return KafkaConsumer(bootstrap_servers=self.run.bootstrap, **options)

    def send(self, topic, sent, **options):
        producer = self.producer(linger_ms=20, **options)
        try:
            futures = [producer.send(topic, key=key, value=value) for key, value in sent]
            producer.flush(30)
            return [future.get(30) for future in futures]
        finally:
            producer.close()

    def read(self, topic, count, offset=0, **options):
        """`count` records of partition 0 from an offset on."""
        consumer = self.consumer(group_id=None, **options)
        try:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            consumer.seek(partition, offset)
            return self.poll(consumer, count)
        finally:
            consumer.close()

    def poll(self, consumer, count):
        read = []

        def enough():
            for some in consumer.poll(timeout_ms=200).values():
                read.extend(some)
            return len(read) >= count

        until(f"{count} records", enough)
        return read

    def send_and_read(self, topic, sent, **options):
        self.send(topic, sent, **options)
        expect_same(sent, plain(self.read(topic, len(sent))))

    def auto_create(self):
        self.send_and_read("auto-create", records(3))

    def produce(self, codec):
        self.create_topic(f"produce-{codec}", 1)
        compression = None if codec == "none" else codec
        self.send_and_read(f"produce-{codec}", records(200), compression_type=compression)

    def headers_tombstones(self):
        topic, at = "headers-tombstones", now_ms() - 5000
        self.create_topic(topic, 1)
        headers = [("a", b"1"), ("a", b"2"), ("empty", b""), ("binary", bytes([0, 255, 128]))]
        producer = self.producer()
        producer.send(topic, key=b"both", value=b"value", headers=headers, timestamp_ms=at).get(30)
        producer.send(topic, key=b"tombstone", value=None).get(30)
        producer.send(topic, key=None, value=b"no key").get(30)
        producer.send(topic, key=b"", value=b"").get(30)
        producer.close()
        read = self.read(topic, 4)
        wanted = [(b"both", b"value"), (b"tombstone", None), (None, b"no key"), (b"", b"")]
        expect_same(wanted, plain(read))
        expect("headers", headers, [tuple(header) for header in read[0].headers])
        expect("timestamp", at, read[0].timestamp)

    def large_record(self):
        self.create_topic("large-record", 1)
        self.send_and_read("large-record", [(b"large", b"0123456789" * 90_000)])
        too_large = [(b"large", b"0123456789" * 200_000)]
        expect_raises(
            "too large",
            "MessageSizeTooLarge",
            lambda: self.send("large-record", too_large, max_request_size=3_000_000),
        )

    def acks(self, **options):
        self.create_topic("acks", 1)
        for acks in (0, 1, "all"):
            self.send("acks", records(10), acks=acks, **options)
        self.read("acks", 30)

    def seek_by_time(self):
        topic, first = "seek-by-time", now_ms() - 60_000
        self.create_topic(topic, 1)
        producer = self.producer(linger_ms=50)
        for i, (key, value) in enumerate(records(10)):
            producer.send(topic, key=key, value=value, timestamp_ms=first + i * 1000)
        producer.flush(30)
        producer.close()
        consumer = self.consumer(group_id=None)
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        for after, wanted in ((-1000, 0), (4500, 5), (5000, 5), (9001, None)):
            found = consumer.offsets_for_times({partition: first + after})[partition]
            expect(f"offset after {after} ms", wanted, found.offset if found else None)
        expect("first offset", 0, consumer.beginning_offsets([partition])[partition])
        expect("end offset", 10, consumer.end_offsets([partition])[partition])
        consumer.seek(partition, 5)
        expect("first record", 5, self.poll(consumer, 5)[0].offset)
        consumer.close()

    def group_consume(self):
        self.create_topic("group-consume", 4)
        sent = records(100)
        self.send("group-consume", sent)
        consumer = self.consumer(group_id="group-consume")
        consumer.subscribe(["group-consume"])
        read = self.poll(consumer, len(sent))
        consumer.close()
        expect_same(sorted(sent), sorted(plain(read)))

    def group_rebalance(self):
        def member():
            joined = self.consumer(group_id="group-rebalance", heartbeat_interval_ms=300)
            joined.subscribe(["group-consume"])
            return joined

        def have(*members):
            for consumer in members:
                consumer.poll(timeout_ms=100)
            return [len(consumer.assignment()) for consumer in members]

        # Joining waits for the other member, so the first one polls in the background meanwhile.
        first = member()
        until("the first member has all four partitions", lambda: have(first) == [4])
        second = member()
        self._both(first, second)
        second.close()
        until("the first member has all four partitions again", lambda: have(first) == [4])
        first.close()

    def _both(self, first, second):
        stop, failures = threading.Event(), []

        def poll(consumer):
            try:
                while not stop.is_set():
                    consumer.poll(timeout_ms=100)
            except Exception as error:  # noqa: BLE001, told to the step below
                failures.append(error)

        threads = [threading.Thread(target=poll, args=[one], daemon=True) for one in (first, second)]
        for thread in threads:
            thread.start()
        try:
            until(
                "both members have two partitions",
                lambda: failures or [len(one.assignment()) for one in (first, second)] == [2, 2],
            )
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)
        if failures:
            raise failures[0]

    def commit_resume(self):
        topic = "commit-resume"
        self.create_topic(topic, 1)
        self.send(topic, records(100))
        first = self.consumer(group_id=topic, enable_auto_commit=False)
        first.subscribe([topic])
        self.poll(first, 100)
        partition = TopicPartition(topic, 0)
        first.commit({partition: self.offset_and_metadata(40, "a note")})
        committed = first.committed(partition, metadata=True)
        expect("committed", (40, "a note"), (committed.offset, committed.metadata))
        first.close()
        second = self.consumer(group_id=topic, enable_auto_commit=False)
        second.subscribe([topic])
        read = self.poll(second, 60)
        second.close()
        expect("resumed at", 40, read[0].offset)

    def kill_restart(self, **options):
        topic = "kill-restart"
        self.create_topic(topic, 1)
        partition = TopicPartition(topic, 0)
        committer = self.consumer(group_id=topic, enable_auto_commit=False)
        committer.assign([partition])
        committer.commit({partition: self.offset_and_metadata(7, "")})
        producer = self.producer(acks="all", **options)
        sent = self.run.produce_through_kill(
            lambda value: producer.send(topic, value=value).get(60)
        )
        producer.close()
        end = committer.end_offsets([partition])[partition]
        committer.close()
        read = [record.value for record in self.read(topic, end)]
        expect_none_lost(sent, read)
        after = self.consumer(group_id=topic, enable_auto_commit=False)
        expect("committed offset", 7, after.committed(partition))
        after.close()
        return sent, read
