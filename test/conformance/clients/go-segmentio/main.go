// The conformance scenario with segmentio's kafka-go: its Writer and Reader, and its Client for
// what administers.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"odradek/conformance/go-scenario"
)

var run *scenario.Run

// transport is shared: it keeps what it knows of topics, and what it creates it knows at once.
var transport = &kafka.Transport{ClientID: "conformance", MetadataTTL: 200 * time.Millisecond}

func main() {
	run = scenario.Begin("kafka-go", "github.com/segmentio/kafka-go")
	admin := &kafka.Client{
		Addr: kafka.TCP(run.Bootstrap), Timeout: 20 * time.Second, Transport: transport,
	}
	createAndDescribe(admin)
	produce(admin)
	consumeInGroups(admin)
	configure(admin)
	changePartitions(admin)
	for _, step := range []string{"transaction-commit", "transaction-abort", "transaction-offsets"} {
		run.Step(step, func(context.Context) error {
			return scenario.ClientHasNo("its Writer has no transactions")
		})
	}
	run.Step("kill-restart", func(ctx context.Context) error { return surviveKill(ctx, admin) })
	deleteTopic(admin)
}

func createTopic(ctx context.Context, admin *kafka.Client, topic string, partitions int, configs ...kafka.ConfigEntry) error {
	wanted := kafka.TopicConfig{
		Topic: topic, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs,
	}
	answer, err := admin.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{wanted}})
	if err != nil {
		return err
	}
	return answer.Errors[topic]
}

func messages(records []scenario.Record) []kafka.Message {
	made := make([]kafka.Message, len(records))
	for i, record := range records {
		made[i] = kafka.Message{Key: []byte(record.Key), Value: []byte(record.Value)}
	}
	return made
}

func writer(topic string, changes ...func(*kafka.Writer)) *kafka.Writer {
	made := &kafka.Writer{
		Addr: kafka.TCP(run.Bootstrap), Topic: topic, RequiredAcks: kafka.RequireAll, BatchTimeout: 10 * time.Millisecond,
		Balancer: &kafka.RoundRobin{}, Transport: transport,
	}
	for _, change := range changes {
		change(made)
	}
	return made
}

func send(ctx context.Context, topic string, messages []kafka.Message, changes ...func(*kafka.Writer)) error {
	producer := writer(topic, changes...)
	err := producer.WriteMessages(ctx, messages...)
	var failures kafka.WriteErrors
	if errors.As(err, &failures) {
		err = errors.Join(failures...)
	}
	return errors.Join(err, producer.Close())
}

// read returns `count` records of partition 0, from where `place` puts the reader or the start.
func read(ctx context.Context, topic string, count int, place ...func(*kafka.Reader) error) ([]kafka.Message, error) {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{run.Bootstrap}, Topic: topic, MaxWait: 200 * time.Millisecond, MaxBytes: 10_000_000,
	})
	defer reader.Close()
	for _, to := range place {
		if err := to(reader); err != nil {
			return nil, err
		}
	}
	return fetch(ctx, reader, count)
}

func fetch(ctx context.Context, reader *kafka.Reader, count int) ([]kafka.Message, error) {
	var read []kafka.Message
	for len(read) < count {
		message, err := reader.FetchMessage(ctx)
		if err != nil {
			return read, fmt.Errorf("after %d of %d records: %w", len(read), count, err)
		}
		read = append(read, message)
	}
	return read, nil
}

func plain(messages []kafka.Message) []scenario.Record {
	converted := make([]scenario.Record, len(messages))
	for i, message := range messages {
		converted[i] = scenario.Record{Key: string(message.Key), Value: string(message.Value)}
	}
	return converted
}

func sendAndRead(ctx context.Context, topic string, records []scenario.Record, changes ...func(*kafka.Writer)) error {
	if err := send(ctx, topic, messages(records), changes...); err != nil {
		return err
	}
	back, err := read(ctx, topic, len(records))
	return errors.Join(err, scenario.Same(records, plain(back)))
}
