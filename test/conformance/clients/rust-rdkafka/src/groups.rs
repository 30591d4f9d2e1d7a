//! The scenario's steps with groups, in both protocols, and with group administration.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::client::*;
use crate::scenario::*;

pub fn take() {
    step("group-consume", || group_consume("group-consume", &[]));
    step("group-rebalance", || {
        rebalance("group-rebalance", "group-consume", &[("heartbeat.interval.ms", "300")])
    });
    step("group-kip-848", || {
        needs(&["ConsumerGroupHeartbeat"])?;
        let protocol = &[("group.protocol", "consumer")];
        group_consume("group-kip-848", protocol)?;
        rebalance("group-kip-848", "group-kip-848", protocol)
    });
    step("commit-resume", commit_and_resume);
    step("list-groups", || {
        let groups = consumer(&[])?.fetch_group_list(None, TIMEOUT)?;
        let group = groups.groups().iter().find(|group| group.name() == "group-consume");
        expect("protocol type", Some("consumer"), group.map(|group| group.protocol_type()))
    });
    step("describe-group", describe_group);
    step("group-offsets", group_offsets);
    step("delete-group", delete_group);
}

fn member(group: &str, topic: &str, options: Options) -> Result<BaseConsumer, Stopped> {
    let mut all = vec![("group.id", group)];
    all.extend_from_slice(options);
    let consumer = consumer(&all)?;
    consumer.subscribe(&[topic])?;
    Ok(consumer)
}

fn group_consume(group: &str, options: Options) -> Step {
    create_topic(group, 4, &[])?;
    let mut sent = records(100);
    send(group, &sent, &[])?;
    let mut read = plain(&poll(&member(group, group, options)?, sent.len())?);
    sent.sort();
    read.sort();
    expect_same(&sent, &read)
}

/// A member that polls in the background and counts its partitions.
struct Counted {
    assigned: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Counted {
    fn join(group: &str, topic: &str, options: Options) -> Result<Counted, Stopped> {
        let consumer = member(group, topic, options)?;
        let (assigned, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (assigned.clone(), stop.clone());
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                consumer.poll(Duration::from_millis(100));
                let partitions = consumer.assignment().map(|list| list.count()).unwrap_or(0);
                count.store(partitions, Ordering::Relaxed);
            }
        });
        Ok(Counted { assigned, stop, thread: Some(thread) })
    }

    fn has(&self, count: usize) -> bool {
        self.assigned.load(Ordering::Relaxed) == count
    }
}

impl Drop for Counted {
    /// Leaves the group: the consumer is closed where its thread ends.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn rebalance(group: &str, topic: &str, options: Options) -> Step {
    let first = Counted::join(group, topic, options)?;
    until("the first member has all four partitions", || Ok(first.has(4)))?;
    let second = Counted::join(group, topic, options)?;
    until("both members have two partitions", || Ok(first.has(2) && second.has(2)))?;
    drop(second);
    until("the first member has all four partitions again", || Ok(first.has(4)))
}

fn commit_and_resume() -> Step {
    let topic = "commit-resume";
    create_topic(topic, 1, &[])?;
    send(topic, &records(100), &[])?;
    let manual: Options = &[("enable.auto.commit", "false")];
    let first = member(topic, topic, manual)?;
    poll(&first, 100)?;
    first.commit(&noted(topic, 0, 40)?, CommitMode::Sync)?;
    drop(first);
    let read = poll(&member(topic, topic, manual)?, 60)?;
    expect("resumed at", 40, read[0].offset())
}

/// One partition's offset with a note.
fn noted(topic: &str, partition: i32, offset: i64) -> Result<TopicPartitionList, Stopped> {
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition(topic, partition);
    element.set_offset(Offset::Offset(offset))?;
    element.set_metadata("a note");
    Ok(list)
}

pub fn committed(group: &str, topic: &str, partition: i32) -> Result<(Offset, String), Stopped> {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    let answer = consumer(&[("group.id", group)])?.committed_offsets(list, TIMEOUT)?;
    let element = &answer.elements()[0];
    element.error()?;
    Ok((element.offset(), element.metadata().to_owned()))
}

fn describe_group() -> Step {
    let joined = member("describe-group", "group-consume", &[])?;
    poll(&joined, 100)?;
    let groups = joined.fetch_group_list(Some("describe-group"), TIMEOUT)?;
    let group = &groups.groups()[0];
    expect("state", "Stable", group.state())?;
    expect("members", 1, group.members().len())?;
    expect("client id", "conformance", group.members()[0].client_id())
}

fn group_offsets() -> Step {
    let committer = consumer(&[("group.id", "group-offsets")])?;
    committer.commit(&noted("scenario", 2, 42)?, CommitMode::Sync)?;
    let wanted = (Offset::Offset(42), "a note".to_owned());
    expect("committed", wanted, committed("group-offsets", "scenario", 2)?)
}

fn delete_group() -> Step {
    let group = "delete-group";
    let delete = || -> Result<String, Stopped> {
        one(block_on(admin().delete_groups(&[group], &AdminOptions::new()))?)
    };
    let joined = member(group, "group-consume", &[])?;
    poll(&joined, 100)?;
    expect_error("with a member", "NonEmptyGroup", delete())?;
    drop(joined);
    delete()?;
    let groups = consumer(&[])?.fetch_group_list(None, TIMEOUT)?;
    let listed = groups.groups().iter().any(|found| found.name() == group);
    expect("listed after deletion", false, listed)
}
