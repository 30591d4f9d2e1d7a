package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"odradek/conformance/go-scenario"
)

func transact(admin *kadm.Client) {
	needs := func() error { return run.Needs("AddPartitionsToTxn", "EndTxn") }
	committed := kgo.FetchIsolationLevel(kgo.ReadCommitted())
	sent := scenario.Records(10)
	run.Step("transaction-commit", func(ctx context.Context) error {
		if err := needs(); err != nil {
			return err
		}
		if err := createTopic(ctx, admin, "transactions", 1); err != nil {
			return err
		}
		if err := transaction(ctx, "scenario-1", sent, kgo.TryCommit); err != nil {
			return err
		}
		records, err := read(ctx, "transactions", 10, committed)
		return errors.Join(err, scenario.Same(sent, plain(records)))
	})
	run.Step("transaction-abort", func(ctx context.Context) error {
		if err := needs(); err != nil {
			return err
		}
		if err := transaction(ctx, "scenario-1", scenario.Records(5), kgo.TryAbort); err != nil {
			return err
		}
		if err := transaction(ctx, "scenario-1", sent, kgo.TryCommit); err != nil {
			return err
		}
		seen, err := read(ctx, "transactions", 20, committed)
		if err != nil {
			return err
		}
		all, err := read(ctx, "transactions", 25)
		return errors.Join(err,
			scenario.Same(append(append([]scenario.Record{}, sent...), sent...), plain(seen)),
			scenario.Expect("read uncommitted", 25, len(all)),
		)
	})
	run.Step("transaction-offsets", func(ctx context.Context) error {
		if err := errors.Join(needs(), run.Needs("AddOffsetsToTxn", "TxnOffsetCommit")); err != nil {
			return err
		}
		for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
			if err := transformInGroup(ctx, end); err != nil {
				return err
			}
			// The transaction ends before its marker is written, so the offset may appear a little later.
			what := fmt.Sprintf("offset 100 is committed: %v", end)
			err := scenario.Until(ctx, what, func() (bool, error) {
				offsets, err := admin.FetchOffsets(ctx, "transactions")
				offset, found := offsets.Lookup("commit-resume", 0)
				return bool(end) == (found && offset.At == 100), err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func transaction(ctx context.Context, id string, records []scenario.Record, end kgo.TransactionEndTry) error {
	producer := client(kgo.TransactionalID(id))
	defer producer.Close()
	if err := producer.BeginTransaction(); err != nil {
		return err
	}
	if err := producer.ProduceSync(ctx, kgoRecords("transactions", records)...).FirstErr(); err != nil {
		return err
	}
	return producer.EndTransaction(ctx, end)
}

func transformInGroup(ctx context.Context, end kgo.TransactionEndTry) error {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(run.Bootstrap), kgo.TransactionalID("scenario-2"), kgo.ConsumerGroup("transactions"),
		kgo.ConsumeTopics("commit-resume"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return err
	}
	defer session.Close()
	read := 0
	for read < 100 {
		fetches := session.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		read += fetches.NumRecords()
	}
	if err := session.Begin(); err != nil {
		return err
	}
	if err := session.ProduceSync(ctx, kgoRecords("transactions", scenario.Records(1))...).FirstErr(); err != nil {
		return err
	}
	ended, err := session.End(ctx, end)
	return errors.Join(err, scenario.Expect("committed", bool(end), ended))
}
