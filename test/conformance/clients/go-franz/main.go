// The conformance scenario with franz-go.
package main

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"odradek/conformance/go-scenario"
)

var run *scenario.Run

func main() {
	run = scenario.Begin("franz-go", "github.com/twmb/franz-go")
	admin := kadm.NewClient(client())
	defer admin.Close()
	createAndDescribe(admin)
	produce(admin)
	consumeInGroups(admin)
	configure(admin)
	changeRecordsAndPartitions(admin)
	transact(admin)
	run.Step("kill-restart", func(ctx context.Context) error { return surviveKill(ctx, admin) })
	deleteTopic(admin)
}

func client(options ...kgo.Opt) *kgo.Client {
	options = append([]kgo.Opt{kgo.SeedBrokers(run.Bootstrap)}, options...)
	created, err := kgo.NewClient(options...)
	if err != nil {
		panic(err)
	}
	return created
}

func createTopic(ctx context.Context, admin *kadm.Client, topic string, partitions int32) error {
	answer, err := admin.CreateTopic(ctx, partitions, 1, nil, topic)
	return errors.Join(err, answer.Err)
}

func kgoRecords(topic string, records []scenario.Record) []*kgo.Record {
	made := make([]*kgo.Record, len(records))
	for i, record := range records {
		made[i] = &kgo.Record{Topic: topic, Key: []byte(record.Key), Value: []byte(record.Value)}
	}
	return made
}

func send(ctx context.Context, topic string, records []scenario.Record, options ...kgo.Opt) error {
	producer := client(options...)
	defer producer.Close()
	return producer.ProduceSync(ctx, kgoRecords(topic, records)...).FirstErr()
}

// read returns the first `count` records of a topic, polled without a group.
func read(ctx context.Context, topic string, count int, options ...kgo.Opt) ([]*kgo.Record, error) {
	start := kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())
	consumer := client(append([]kgo.Opt{kgo.ConsumeTopics(topic), start}, options...)...)
	defer consumer.Close()
	return poll(ctx, consumer, count)
}

func poll(ctx context.Context, consumer *kgo.Client, count int) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for len(records) < count {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return records, err
		}
		records = append(records, fetches.Records()...)
	}
	return records, nil
}

func plain(records []*kgo.Record) []scenario.Record {
	converted := make([]scenario.Record, len(records))
	for i, record := range records {
		converted[i] = scenario.Record{Key: string(record.Key), Value: string(record.Value)}
	}
	return converted
}
