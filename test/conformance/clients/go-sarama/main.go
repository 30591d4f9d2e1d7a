// The conformance scenario with sarama: in its default configuration, or as V1_0_0_0, which is what
// its releases up to 1.40 took the broker for, without asking it for its versions.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"odradek/conformance/go-scenario"
)

var run *scenario.Run

// isOld tells the two configurations apart.
var isOld bool

func main() {
	run = scenario.Begin("sarama", "github.com/IBM/sarama")
	isOld = run.Variant == "V1_0_0_0"
	admin, err := sarama.NewClusterAdmin([]string{run.Bootstrap}, config())
	if err != nil {
		panic(err)
	}
	defer admin.Close()
	createAndDescribe(admin)
	produce(admin)
	consumeInGroups(admin)
	configure(admin)
	changeRecordsAndPartitions(admin)
	transact(admin)
	run.Step("kill-restart", func(ctx context.Context) error { return surviveKill(ctx, admin) })
	deleteTopic()
}

func config(changes ...func(*sarama.Config)) *sarama.Config {
	made := sarama.NewConfig()
	if isOld {
		made.Version = sarama.V1_0_0_0
		made.ApiVersionsRequest = false
	}
	made.ClientID = "conformance"
	made.Producer.Return.Successes = true
	made.Producer.Retry.Max = 100
	made.Producer.Retry.Backoff = 250 * time.Millisecond
	made.Consumer.Offsets.Initial = sarama.OffsetOldest
	made.Consumer.Group.Rebalance.Timeout = 10 * time.Second
	for _, change := range changes {
		change(made)
	}
	return made
}

// newer ends a step as not offered by the client when V1_0_0_0 does not have it.
func newer(what string) error {
	if isOld {
		return scenario.ClientHasNo("as V1_0_0_0 it has no " + what)
	}
	return nil
}

func createTopic(admin sarama.ClusterAdmin, topic string, partitions int32) error {
	return admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
}

func messages(topic string, records []scenario.Record) []*sarama.ProducerMessage {
	made := make([]*sarama.ProducerMessage, len(records))
	for i, record := range records {
		key, value := sarama.StringEncoder(record.Key), sarama.StringEncoder(record.Value)
		made[i] = &sarama.ProducerMessage{Topic: topic, Key: key, Value: value}
	}
	return made
}

func send(messages []*sarama.ProducerMessage, changes ...func(*sarama.Config)) error {
	producer, err := sarama.NewSyncProducer([]string{run.Bootstrap}, config(changes...))
	if err != nil {
		return err
	}
	defer producer.Close()
	err = producer.SendMessages(messages)
	var failures sarama.ProducerErrors
	if errors.As(err, &failures) {
		return fmt.Errorf("%d failed, first: %w", len(failures), failures[0].Err)
	}
	return err
}

// read returns `count` records of partition 0 from an offset on.
func read(ctx context.Context, topic string, from int64, count int, changes ...func(*sarama.Config)) ([]*sarama.ConsumerMessage, error) {
	consumer, err := sarama.NewConsumer([]string{run.Bootstrap}, config(changes...))
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, from)
	if err != nil {
		return nil, err
	}
	defer partition.Close()
	var read []*sarama.ConsumerMessage
	for len(read) < count {
		select {
		case message := <-partition.Messages():
			read = append(read, message)
		case <-ctx.Done():
			return read, fmt.Errorf("%d of %d records read", len(read), count)
		}
	}
	return read, nil
}

func plain(messages []*sarama.ConsumerMessage) []scenario.Record {
	converted := make([]scenario.Record, len(messages))
	for i, message := range messages {
		converted[i] = scenario.Record{Key: string(message.Key), Value: string(message.Value)}
	}
	return converted
}

func sendAndRead(ctx context.Context, topic string, records []scenario.Record, changes ...func(*sarama.Config)) error {
	if err := send(messages(topic, records), changes...); err != nil {
		return err
	}
	back, err := read(ctx, topic, sarama.OffsetOldest, len(records))
	return errors.Join(err, scenario.Same(records, plain(back)))
}
