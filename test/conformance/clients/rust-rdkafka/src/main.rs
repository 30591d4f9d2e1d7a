//! The conformance scenario with rust-rdkafka, which is librdkafka.

mod client;
mod groups;
mod scenario;
mod transactions;

use std::time::{SystemTime, UNIX_EPOCH};

use futures::executor::block_on;
use rdkafka::admin::{AdminOptions, AlterConfig, NewPartitions, ResourceSpecifier};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use rdkafka::{Offset, TopicPartitionList};

use client::*;
use scenario::*;

fn main() {
    let (_, library) = rdkafka::util::get_rdkafka_version();
    let version = format!("{} (librdkafka {library})", env!("RDKAFKA_VERSION"));
    println!("{}", serde_json::json!({"client": "rust-rdkafka", "version": version}));
    step("describe-cluster", describe_cluster);
    step("create-topic", || {
        create_topic("scenario", 4, &[("retention.ms", "86400000")])?;
        expect_error("created again", "already exists", create_topic("scenario", 4, &[]))
    });
    step("describe-topics", describe_topics);
    step("auto-create", || send_and_read("auto-create", &records(3), &[]));
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        step(&format!("produce-{codec}"), move || {
            let topic = format!("produce-{codec}");
            create_topic(&topic, 1, &[])?;
            send_and_read(&topic, &records(200), &[("compression.type", codec)])
        });
    }
    step("headers-tombstones", headers_and_tombstones);
    step("large-record", large_record);
    step("acks", || {
        create_topic("acks", 1, &[])?;
        for acks in ["0", "1", "all"] {
            send("acks", &records(10), &[("acks", acks)])?;
        }
        read("acks", 30, Offset::Beginning, &[]).map(|_| ())
    });
    step("idempotent-producer", || {
        create_topic("idempotent", 1, &[])?;
        let options =
            &[("enable.idempotence", "true"), ("batch.num.messages", "50"), ("linger.ms", "0")];
        send_and_read("idempotent", &records(1000), options)
    });
    step("seek-by-time", seek_by_time);
    groups::take();
    step("describe-configs", describe_configs);
    step("alter-configs", alter_configs);
    step("delete-records", delete_records);
    step("create-partitions", create_partitions);
    transactions::take();
    step("kill-restart", kill_restart);
    step("delete-topic", delete_topic);
}

fn describe_cluster() -> Step {
    let consumer = consumer(&[])?;
    expect("brokers", 1, consumer.fetch_metadata(None, TIMEOUT)?.brokers().len())?;
    expect("has a cluster id", true, consumer.client().fetch_cluster_id(TIMEOUT).is_some())
}

/// How many partitions the scenario's topic has, or the error that stands in its place.
fn partitions_of(topic: &str) -> Result<usize, Stopped> {
    let metadata = consumer(&[])?.fetch_metadata(Some(topic), TIMEOUT)?;
    let described = &metadata.topics()[0];
    if let Some(error) = described.error() {
        return failed(rdkafka::types::RDKafkaErrorCode::from(error).to_string());
    }
    for partition in described.partitions() {
        expect("leader", 1, partition.leader())?;
    }
    Ok(described.partitions().len())
}

fn describe_topics() -> Step {
    expect("partitions", 4, partitions_of("scenario")?)?;
    expect_error("unknown", "Unknown topic or partition", partitions_of("unknown"))
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn headers_and_tombstones() -> Step {
    let (topic, at) = ("headers-tombstones", now_ms() - 5000);
    create_topic(topic, 1, &[])?;
    let wanted: [(&str, Option<&[u8]>); 5] = [
        ("a", Some(b"1")),
        ("a", Some(b"2")),
        ("empty", Some(b"")),
        ("binary", Some(&[0, 255, 128])),
        ("null", None),
    ];
    let headers = wanted.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: *value })
    });
    let both: FutureRecord<[u8], [u8]> = FutureRecord::to(topic)
        .key(&b"both"[..])
        .payload(&b"value"[..])
        .headers(headers)
        .timestamp(at);
    let producer = producer(&[])?;
    block_on(producer.send(both, TIMEOUT)).map_err(|(error, _)| error)?;
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let rest = [(bytes("tombstone"), None), (None, bytes("no key")), (bytes(""), bytes(""))];
    send_by(&producer, topic, &rest)?;
    let read = read(topic, 4, Offset::Beginning, &[])?;
    expect_same(&rest, &plain(&read[1..]))?;
    expect("timestamp", Some(at), read[0].timestamp().to_millis())?;
    let Some(headers) = read[0].headers() else { return failed("no headers") };
    let back: Vec<_> = headers.iter().map(|header| (header.key, header.value)).collect();
    expect("headers", &wanted[..], &back[..])
}

fn large_record() -> Step {
    create_topic("large-record", 1, &[])?;
    let large = |size: usize| [(Some(b"large".to_vec()), Some(b"0123456789".repeat(size)))];
    send_and_read("large-record", &large(90_000), &[])?;
    let sent = send("large-record", &large(200_000), &[("message.max.bytes", "3000000")]);
    expect_error("too large", "MessageSizeTooLarge", sent)
}

fn seek_by_time() -> Step {
    let (topic, first) = ("seek-by-time", now_ms() - 60_000);
    create_topic(topic, 1, &[])?;
    let producer = producer(&[("linger.ms", "100")])?;
    let mut deliveries = Vec::new();
    for i in 0..10 {
        let record: FutureRecord<[u8], [u8]> =
            FutureRecord::to(topic).payload(&b"value"[..]).timestamp(first + i * 1000);
        deliveries.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for delivery in deliveries {
        block_on(delivery)?.map_err(|(error, _)| error)?;
    }
    let consumer = consumer(&[])?;
    let wanted = [
        (-1000, Offset::Offset(0)),
        (4500, Offset::Offset(5)),
        (5000, Offset::Offset(5)),
        (9001, Offset::End),
    ];
    for (after, wanted) in wanted {
        let mut times = TopicPartitionList::new();
        times.add_partition_offset(topic, 0, Offset::Offset(first + after))?;
        let found = consumer.offsets_for_times(times, TIMEOUT)?;
        expect(&format!("offset after {after} ms"), wanted, found.elements()[0].offset())?;
    }
    expect("watermarks", (0, 10), consumer.fetch_watermarks(topic, 0, TIMEOUT)?)?;
    expect("first record", 5, read(topic, 5, Offset::Offset(5), &[])?[0].offset())
}

fn config_of(resource: ResourceSpecifier, name: &str) -> Result<Option<String>, Stopped> {
    let answer = block_on(admin().describe_configs([&resource], &AdminOptions::new()))?;
    match answer.into_iter().next() {
        Some(Ok(resource)) => Ok(resource.get(name).and_then(|entry| entry.value.clone())),
        Some(Err(code)) => failed(code.to_string()),
        None => failed("no resource"),
    }
}

fn topic_config(name: &str) -> Result<Option<String>, Stopped> {
    config_of(ResourceSpecifier::Topic("scenario"), name)
}

fn describe_configs() -> Step {
    expect("retention.ms", Some("86400000".to_owned()), topic_config("retention.ms")?)?;
    let partitions = config_of(ResourceSpecifier::Broker(1), "num.partitions")?;
    expect("num.partitions of the broker", Some("1".to_owned()), partitions)
}

fn alter_configs() -> Step {
    let alter = |value: &str| -> Result<(), Stopped> {
        let resource =
            AlterConfig::new(ResourceSpecifier::Topic("scenario")).set("max.message.bytes", value);
        one(block_on(admin().alter_configs([&resource], &AdminOptions::new()))?).map(|_| ())
    };
    alter("2000000")?;
    expect("max.message.bytes", Some("2000000".to_owned()), topic_config("max.message.bytes")?)?;
    let retention = topic_config("retention.ms")?;
    expect("retention.ms, which AlterConfigs resets", Some("604800000".to_owned()), retention)?;
    // The crate takes no notice of what is said of a single resource (its AlterConfigsFuture calls
    // every one Ok), so only what became of the config tells.
    alter("no number")?;
    let unchanged = topic_config("max.message.bytes")?;
    expect("after no number", Some("2000000".to_owned()), unchanged)
}

fn delete_records() -> Step {
    create_topic("delete-records", 1, &[])?;
    send("delete-records", &records(100), &[])?;
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("delete-records", 0, Offset::Offset(30))?;
    let deleted = block_on(admin().delete_records(&offsets, &AdminOptions::new()))?;
    deleted.elements()[0].error()?;
    expect("low watermark", Offset::Offset(30), deleted.elements()[0].offset())?;
    expect("first record", 30, read("delete-records", 70, Offset::Beginning, &[])?[0].offset())
}

fn create_partitions() -> Step {
    let create = |count| -> Result<String, Stopped> {
        let wanted = NewPartitions::new("scenario", count);
        one(block_on(admin().create_partitions([&wanted], &AdminOptions::new()))?)
    };
    create(6)?;
    expect("partitions", 6, partitions_of("scenario")?)?;
    expect_error("fewer", "InvalidPartitions", create(5))
}

fn kill_restart() -> Step {
    let topic = "kill-restart";
    create_topic(topic, 1, &[])?;
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, 0, Offset::Offset(7))?;
    consumer(&[("group.id", topic)])?.commit(&offsets, CommitMode::Sync)?;
    let producer = producer(&[("enable.idempotence", "true"), ("linger.ms", "0")])?;
    let sent = produce_through_kill(move |value| {
        send_by(&producer, topic, &[(None, Some(value.as_bytes().to_vec()))])
    })?;
    let read = read(topic, sent.len(), Offset::Beginning, &[])?;
    let back: Vec<String> = read
        .iter()
        .map(|message| String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned())
        .collect();
    expect("read, by an idempotent producer", &sent, &back)?;
    expect("committed offset", Offset::Offset(7), groups::committed(topic, topic, 0)?.0)
}

fn delete_topic() -> Step {
    let delete = || -> Result<String, Stopped> {
        one(block_on(admin().delete_topics(&["scenario"], &AdminOptions::new()))?)
    };
    delete()?;
    expect_error("described", "Unknown topic or partition", partitions_of("scenario"))?;
    expect_error("deleted again", "UnknownTopicOrPartition", delete())
}
