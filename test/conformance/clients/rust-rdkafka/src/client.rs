//! What the steps share: how to make clients, send and read.

use std::env;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::join_all;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::scenario::{expect_same, failed, until, Record, Step, Stopped};

pub const TIMEOUT: Duration = Duration::from_secs(30);
pub type Options<'a> = &'a [(&'a str, &'a str)];

fn config(options: Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", env::var("CONFORMANCE_BOOTSTRAP").unwrap());
    config.set("client.id", "conformance");
    for (name, value) in options {
        config.set(*name, *value);
    }
    config
}

pub fn admin() -> AdminClient<DefaultClientContext> {
    config(&[]).create().expect("an admin client")
}

pub fn producer(options: Options) -> Result<FutureProducer, Stopped> {
    let mut config = config(&[("linger.ms", "20")]);
    for (name, value) in options {
        config.set(*name, *value);
    }
    Ok(config.create()?)
}

pub fn consumer(options: Options) -> Result<BaseConsumer, Stopped> {
    let mut config = config(&[("auto.offset.reset", "earliest"), ("group.id", "nobody")]);
    for (name, value) in options {
        config.set(*name, *value);
    }
    Ok(config.create()?)
}

/// The result of an admin call for its one thing.
pub fn one<T, N, C: std::fmt::Display>(results: Vec<Result<T, (N, C)>>) -> Result<T, Stopped> {
    match results.into_iter().next() {
        Some(Ok(value)) => Ok(value),
        Some(Err((_, code))) => failed(code.to_string()),
        None => failed("no result"),
    }
}

pub fn create_topic(name: &str, partitions: i32, configs: Options) -> Step {
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in configs {
        topic = topic.set(key, value);
    }
    one(block_on(admin().create_topics([&topic], &AdminOptions::new()))?).map(|_| ())
}

pub fn send_by(producer: &FutureProducer, topic: &str, sent: &[Record]) -> Step {
    let mut deliveries = Vec::new();
    for (key, value) in sent {
        let mut record: FutureRecord<[u8], [u8]> = FutureRecord::to(topic);
        record.key = key.as_deref();
        record.payload = value.as_deref();
        deliveries.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    producer.flush(TIMEOUT)?;
    for delivered in block_on(join_all(deliveries)) {
        delivered?.map_err(|(error, _)| error)?;
    }
    Ok(())
}

pub fn send(topic: &str, sent: &[Record], options: Options) -> Step {
    send_by(&producer(options)?, topic, sent)
}

pub fn poll(consumer: &BaseConsumer, count: usize) -> Result<Vec<OwnedMessage>, Stopped> {
    let mut read = Vec::new();
    until(&format!("{count} records"), || {
        while let Some(message) = consumer.poll(Duration::from_millis(100)) {
            read.push(message?.detach());
            if read.len() >= count {
                break;
            }
        }
        Ok(read.len() >= count)
    })?;
    Ok(read)
}

/// `count` records of partition 0 from an offset on.
pub fn read(
    topic: &str,
    count: usize,
    from: Offset,
    options: Options,
) -> Result<Vec<OwnedMessage>, Stopped> {
    let consumer = consumer(options)?;
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, from)?;
    consumer.assign(&partitions)?;
    poll(&consumer, count)
}

pub fn plain(messages: &[OwnedMessage]) -> Vec<Record> {
    let owned = |bytes: Option<&[u8]>| bytes.map(|bytes| bytes.to_vec());
    messages.iter().map(|message| (owned(message.key()), owned(message.payload()))).collect()
}

pub fn send_and_read(topic: &str, sent: &[Record], options: Options) -> Step {
    send(topic, sent, options)?;
    expect_same(sent, &plain(&read(topic, sent.len(), Offset::Beginning, &[])?))
}
