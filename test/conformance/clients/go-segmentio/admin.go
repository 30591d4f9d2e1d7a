package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"

	"odradek/conformance/go-scenario"
)

func createAndDescribe(admin *kafka.Client) {
	run.Step("describe-cluster", func(ctx context.Context) error {
		cluster, err := admin.Metadata(ctx, &kafka.MetadataRequest{})
		if err != nil {
			return err
		}
		return errors.Join(
			scenario.Expect("brokers", 1, len(cluster.Brokers)),
			scenario.Expect("controller", cluster.Brokers[0].ID, cluster.Controller.ID),
			scenario.Expect("has a cluster id", true, cluster.ClusterID != ""),
		)
	})
	run.Step("create-topic", func(ctx context.Context) error {
		retention := kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "86400000"}
		if err := createTopic(ctx, admin, "scenario", 4, retention); err != nil {
			return err
		}
		return scenario.ExpectIs("created again", kafka.TopicAlreadyExists, createTopic(ctx, admin, "scenario", 4))
	})
	run.Step("describe-topics", func(ctx context.Context) error {
		answer, err := admin.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{"scenario", "unknown"}})
		if err != nil {
			return err
		}
		topics := map[string]kafka.Topic{}
		for _, topic := range answer.Topics {
			topics[topic.Name] = topic
		}
		problems := []error{
			scenario.Expect("partitions", 4, len(topics["scenario"].Partitions)),
			scenario.ExpectIs("unknown", kafka.UnknownTopicOrPartition, topics["unknown"].Error),
		}
		for _, partition := range topics["scenario"].Partitions {
			problems = append(problems, scenario.Expect("leader", 1, partition.Leader.ID), partition.Error)
		}
		return errors.Join(problems...)
	})
}

func configure(admin *kafka.Client) {
	describe := func(ctx context.Context, kind kafka.ResourceType, name string) (map[string]string, error) {
		resource := kafka.DescribeConfigRequestResource{ResourceType: kind, ResourceName: name}
		request := &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{resource}}
		answer, err := admin.DescribeConfigs(ctx, request)
		if err != nil {
			return nil, err
		}
		values := map[string]string{}
		for _, entry := range answer.Resources[0].ConfigEntries {
			values[entry.ConfigName] = entry.ConfigValue
		}
		return values, answer.Resources[0].Error
	}
	run.Step("describe-configs", func(ctx context.Context) error {
		topic, err := describe(ctx, kafka.ResourceTypeTopic, "scenario")
		if err != nil {
			return err
		}
		broker, err := describe(ctx, kafka.ResourceTypeBroker, "1")
		return errors.Join(err,
			scenario.Expect("retention.ms", "86400000", topic["retention.ms"]),
			scenario.Expect("the broker has configs", true, len(broker) > 10),
		)
	})
	run.Step("alter-configs", func(ctx context.Context) error {
		alter := func(value string) error {
			change := kafka.IncrementalAlterConfigsRequestConfig{
				Name: "max.message.bytes", Value: value, ConfigOperation: kafka.ConfigOperationSet,
			}
			resource := kafka.IncrementalAlterConfigsRequestResource{
				ResourceType: kafka.ResourceTypeTopic, ResourceName: "scenario",
				Configs: []kafka.IncrementalAlterConfigsRequestConfig{change},
			}
			answer, err := admin.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
				Resources: []kafka.IncrementalAlterConfigsRequestResource{resource},
			})
			if err != nil {
				return err
			}
			return answer.Resources[0].Error
		}
		if err := alter("2000000"); err != nil {
			return err
		}
		topic, err := describe(ctx, kafka.ResourceTypeTopic, "scenario")
		return errors.Join(err,
			scenario.Expect("max.message.bytes", "2000000", topic["max.message.bytes"]),
			scenario.Expect("retention.ms is kept", "86400000", topic["retention.ms"]),
			scenario.ExpectError("no number", "Invalid Config", alter("no number")),
		)
	})
}

func changePartitions(admin *kafka.Client) {
	run.Step("delete-records", func(context.Context) error {
		return scenario.ClientHasNo("it has no DeleteRecords")
	})
	run.Step("create-partitions", func(ctx context.Context) error {
		create := func(count int32) error {
			topic := kafka.TopicPartitionsConfig{Name: "scenario", Count: count}
			request := &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{topic}}
			answer, err := admin.CreatePartitions(ctx, request)
			if err != nil {
				return err
			}
			return answer.Errors["scenario"]
		}
		if err := create(6); err != nil {
			return err
		}
		err := scenario.Until(ctx, "there are six partitions", func() (bool, error) {
			topic, err := describeTopic(ctx, admin)
			return len(topic.Partitions) == 6, err
		})
		return errors.Join(err, scenario.ExpectIs("fewer", kafka.InvalidPartitionNumber, create(5)))
	})
}

func deleteTopic(admin *kafka.Client) {
	run.Step("delete-topic", func(ctx context.Context) error {
		remove := func() error {
			answer, err := admin.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{"scenario"}})
			if err != nil {
				return err
			}
			return answer.Errors["scenario"]
		}
		if err := remove(); err != nil {
			return err
		}
		err := scenario.Until(ctx, "the topic is unknown", func() (bool, error) {
			topic, err := describeTopic(ctx, admin)
			return errors.Is(topic.Error, kafka.UnknownTopicOrPartition), err
		})
		return errors.Join(err, scenario.ExpectIs("deleted again", kafka.UnknownTopicOrPartition, remove()))
	})
}

// describeTopic tells what kafka-go knows, which may be as old as its transport's MetadataTTL.
func describeTopic(ctx context.Context, admin *kafka.Client) (kafka.Topic, error) {
	answer, err := admin.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{"scenario"}})
	if err != nil {
		return kafka.Topic{}, err
	}
	return answer.Topics[0], nil
}

// surviveKill has a producer without idempotence, the only one of kafka-go: nothing may be lost, but
// records may be there twice. Its Writer gives up after some attempts, so the program sends again.
func surviveKill(ctx context.Context, admin *kafka.Client) error {
	const topic = "kill-restart"
	if err := createTopic(ctx, admin, topic, 1); err != nil {
		return err
	}
	if err := commitOffset(ctx, admin, topic, topic, kafka.OffsetCommit{Partition: 0, Offset: 7}); err != nil {
		return err
	}
	producer := writer(topic, func(w *kafka.Writer) { w.MaxAttempts = 100 })
	defer producer.Close()
	sent, err := run.ProduceThroughKill(ctx, func(value string) error {
		return producer.WriteMessages(ctx, kafka.Message{Value: []byte(value)})
	})
	if err != nil {
		return err
	}
	end, err := offsetFor(ctx, admin, topic, kafka.LastOffset)
	if err != nil {
		return err
	}
	back, err := read(ctx, topic, int(end))
	if err != nil {
		return err
	}
	offset, err := committedOffset(ctx, admin, topic, topic, 0)
	return errors.Join(err,
		scenario.Expect("acknowledged and lost", 0, len(scenario.Lost(sent, scenario.Values(plain(back))))),
		scenario.Expect("committed offset", 7, offset.CommittedOffset),
	)
}

// offsetFor asks for the offset of a timestamp, or of the first or last record.
func offsetFor(ctx context.Context, admin *kafka.Client, topic string, timestamp int64) (int64, error) {
	request := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {{Partition: 0, Timestamp: timestamp}}}}
	answer, err := admin.ListOffsets(ctx, request)
	if err != nil {
		return 0, err
	}
	found := answer.Topics[topic][0]
	if found.Error != nil {
		return 0, found.Error
	}
	switch timestamp {
	case kafka.FirstOffset:
		return found.FirstOffset, nil
	case kafka.LastOffset:
		return found.LastOffset, nil
	}
	for offset := range found.Offsets {
		return offset, nil
	}
	return 0, fmt.Errorf("no offset for %d", timestamp)
}
