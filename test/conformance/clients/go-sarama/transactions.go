package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"odradek/conformance/go-scenario"
)

func transact(admin sarama.ClusterAdmin) {
	needs := func() error { return run.Needs("AddPartitionsToTxn", "EndTxn") }
	committed := func(c *sarama.Config) { c.Consumer.IsolationLevel = sarama.ReadCommitted }
	commit, abort := sarama.SyncProducer.CommitTxn, sarama.SyncProducer.AbortTxn
	sent := scenario.Records(10)
	run.Step("transaction-commit", func(ctx context.Context) error {
		if err := needs(); err != nil {
			return err
		}
		if err := createTopic(admin, "transactions", 1); err != nil {
			return err
		}
		if err := transaction("scenario-1", sent, commit); err != nil {
			return err
		}
		back, err := read(ctx, "transactions", sarama.OffsetOldest, 10, committed)
		return errors.Join(err, scenario.Same(sent, plain(back)))
	})
	run.Step("transaction-abort", func(ctx context.Context) error {
		if err := needs(); err != nil {
			return err
		}
		if err := transaction("scenario-1", scenario.Records(5), abort); err != nil {
			return err
		}
		if err := transaction("scenario-1", sent, commit); err != nil {
			return err
		}
		seen, err := read(ctx, "transactions", sarama.OffsetOldest, 20, committed)
		if err != nil {
			return err
		}
		all, err := read(ctx, "transactions", sarama.OffsetOldest, 25)
		return errors.Join(err,
			scenario.Same(append(append([]scenario.Record{}, sent...), sent...), plain(seen)),
			scenario.Expect("read uncommitted", 25, len(all)),
		)
	})
	run.Step("transaction-offsets", func(ctx context.Context) error {
		if err := errors.Join(needs(), run.Needs("AddOffsetsToTxn", "TxnOffsetCommit")); err != nil {
			return err
		}
		metadata := ""
		withOffsets := func(end func(sarama.SyncProducer) error) func(sarama.SyncProducer) error {
			return func(producer sarama.SyncProducer) error {
				offset := &sarama.PartitionOffsetMetadata{Partition: 0, Offset: 100, LeaderEpoch: -1, Metadata: &metadata}
				offsets := map[string][]*sarama.PartitionOffsetMetadata{"commit-resume": {offset}}
				return errors.Join(producer.AddOffsetsToTxn(offsets, "transactions"), end(producer))
			}
		}
		for _, end := range []struct {
			how    func(sarama.SyncProducer) error
			offset int64
		}{{abort, -1}, {commit, 100}} {
			if err := transaction("scenario-2", scenario.Records(1), withOffsets(end.how)); err != nil {
				return err
			}
			// The transaction ends before its marker is written, so the offset may appear a little later.
			what := fmt.Sprintf("offset %d is committed", end.offset)
			err := scenario.Until(ctx, what, func() (bool, error) {
				offsets, err := admin.ListConsumerGroupOffsets("transactions", map[string][]int32{"commit-resume": {0}})
				return err == nil && offsets.GetBlock("commit-resume", 0).Offset == end.offset, err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func transaction(id string, records []scenario.Record, end func(sarama.SyncProducer) error) error {
	producer, err := sarama.NewSyncProducer([]string{run.Bootstrap}, config(idempotent, func(c *sarama.Config) {
		c.Producer.Transaction.ID = id
	}))
	if err != nil {
		return err
	}
	defer producer.Close()
	if err := producer.BeginTxn(); err != nil {
		return err
	}
	if err := producer.SendMessages(messages("transactions", records)); err != nil {
		return err
	}
	return end(producer)
}
