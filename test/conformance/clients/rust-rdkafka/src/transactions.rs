//! The scenario's steps with transactions.

use rdkafka::consumer::Consumer;
use rdkafka::producer::{FutureProducer, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::client::*;
use crate::groups::committed;
use crate::scenario::*;

const APIS: &[&str] = &["AddPartitionsToTxn", "EndTxn"];
const COMMITTED: Options = &[("isolation.level", "read_committed")];
const UNCOMMITTED: Options = &[("isolation.level", "read_uncommitted")];

pub fn take() {
    step("transaction-commit", || {
        needs(APIS)?;
        create_topic("transactions", 1, &[])?;
        transaction("scenario-1", &records(10), |producer| {
            Ok(producer.commit_transaction(TIMEOUT)?)
        })?;
        let read = read("transactions", 10, Offset::Beginning, COMMITTED)?;
        expect_same(&records(10), &plain(&read))
    });
    step("transaction-abort", || {
        needs(APIS)?;
        transaction(
            "scenario-1",
            &records(5),
            |producer| Ok(producer.abort_transaction(TIMEOUT)?),
        )?;
        transaction("scenario-1", &records(10), |producer| {
            Ok(producer.commit_transaction(TIMEOUT)?)
        })?;
        let seen = read("transactions", 20, Offset::Beginning, COMMITTED)?;
        expect_same(&[records(10), records(10)].concat(), &plain(&seen))?;
        let all = read("transactions", 25, Offset::Beginning, UNCOMMITTED)?;
        expect("read uncommitted", 25, all.len())
    });
    step("transaction-offsets", || {
        needs(APIS)?;
        needs(&["AddOffsetsToTxn", "TxnOffsetCommit"])?;
        for (commits, wanted) in [(false, Offset::Invalid), (true, Offset::Offset(100))] {
            offsets_in_transaction(commits)?;
            // The transaction ends before its marker is written: the offset may appear later.
            until(&format!("offset {wanted:?} is committed"), || {
                Ok(committed("transactions", "commit-resume", 0)?.0 == wanted)
            })?;
        }
        Ok(())
    });
}

fn transaction(id: &str, sent: &[Record], end: impl Fn(&FutureProducer) -> Step) -> Step {
    let producer = producer(&[("transactional.id", id)])?;
    producer.init_transactions(TIMEOUT)?;
    producer.begin_transaction()?;
    send_by(&producer, "transactions", sent)?;
    end(&producer)
}

fn offsets_in_transaction(commits: bool) -> Step {
    let consumer = consumer(&[("group.id", "transactions"), ("enable.auto.commit", "false")])?;
    consumer.subscribe(&["commit-resume"])?;
    poll(&consumer, 100)?;
    transaction("scenario-2", &records(1), |producer| {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset("commit-resume", 0, Offset::Offset(100))?;
        let Some(group) = consumer.group_metadata() else { return failed("no group metadata") };
        producer.send_offsets_to_transaction(&offsets, &group, TIMEOUT)?;
        match commits {
            true => Ok(producer.commit_transaction(TIMEOUT)?),
            false => Ok(producer.abort_transaction(TIMEOUT)?),
        }
    })
}
