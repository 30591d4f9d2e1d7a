package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"odradek/conformance/go-scenario"
)

func text(value string) *string { return &value }

func createAndDescribe(admin sarama.ClusterAdmin) {
	run.Step("describe-cluster", func(context.Context) error {
		brokers, controller, err := admin.DescribeCluster()
		if err != nil {
			return err
		}
		return errors.Join(
			scenario.Expect("brokers", 1, len(brokers)),
			scenario.Expect("controller", brokers[0].ID(), controller),
		)
	})
	run.Step("create-topic", func(context.Context) error {
		detail := &sarama.TopicDetail{
			NumPartitions: 4, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": text("86400000")},
		}
		if err := admin.CreateTopic("scenario", detail, false); err != nil {
			return err
		}
		return scenario.ExpectError("created again", "already exists", admin.CreateTopic("scenario", detail, false))
	})
	run.Step("describe-topics", func(context.Context) error {
		topics, err := admin.DescribeTopics([]string{"scenario", "unknown"})
		if err != nil {
			return err
		}
		described := map[string]*sarama.TopicMetadata{}
		for _, topic := range topics {
			described[topic.Name] = topic
		}
		problems := []error{scenario.Expect("partitions", 4, len(described["scenario"].Partitions))}
		for _, partition := range described["scenario"].Partitions {
			problems = append(problems, scenario.Expect("leader", 1, partition.Leader))
		}
		// As an old release it cannot say that describing must not create.
		if !isOld {
			problems = append(problems, scenario.ExpectIs("unknown", sarama.ErrUnknownTopicOrPartition, described["unknown"].Err))
		}
		return errors.Join(problems...)
	})
}

func configure(admin sarama.ClusterAdmin) {
	valueOf := func(name string) (string, error) {
		entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: "scenario"})
		for _, entry := range entries {
			if entry.Name == name {
				return entry.Value, err
			}
		}
		return "", fmt.Errorf("no %s among %d configs: %w", name, len(entries), err)
	}
	run.Step("describe-configs", func(context.Context) error {
		retention, err := valueOf("retention.ms")
		if err != nil {
			return err
		}
		broker, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.BrokerResource, Name: "1"})
		return errors.Join(err,
			scenario.Expect("retention.ms", "86400000", retention),
			scenario.Expect("the broker has configs", true, len(broker) > 10),
		)
	})
	run.Step("alter-configs", func(context.Context) error {
		alter := func(value string) error {
			if isOld {
				return admin.AlterConfig(sarama.TopicResource, "scenario", map[string]*string{"max.message.bytes": &value}, false)
			}
			entries := map[string]sarama.IncrementalAlterConfigsEntry{
				"max.message.bytes": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value},
			}
			return admin.IncrementalAlterConfig(sarama.TopicResource, "scenario", entries, false)
		}
		if err := alter("2000000"); err != nil {
			return err
		}
		changed, err := valueOf("max.message.bytes")
		retention, retentionErr := valueOf("retention.ms")
		kept := map[bool]string{false: "86400000", true: "604800000"}[isOld]
		return errors.Join(err, retentionErr,
			scenario.Expect("max.message.bytes", "2000000", changed),
			scenario.Expect("retention.ms, which AlterConfigs resets and IncrementalAlterConfigs keeps", kept, retention),
			scenario.Expect("no number is refused", true, alter("no number") != nil),
		)
	})
}

func changeRecordsAndPartitions(admin sarama.ClusterAdmin) {
	run.Step("delete-records", func(ctx context.Context) error {
		if err := createTopic(admin, "delete-records", 1); err != nil {
			return err
		}
		if err := send(messages("delete-records", scenario.Records(100))); err != nil {
			return err
		}
		if err := admin.DeleteRecords("delete-records", map[int32]int64{0: 30}); err != nil {
			return err
		}
		client, err := sarama.NewClient([]string{run.Bootstrap}, config())
		if err != nil {
			return err
		}
		defer client.Close()
		start, err := client.GetOffset("delete-records", 0, sarama.OffsetOldest)
		if err != nil {
			return err
		}
		back, err := read(ctx, "delete-records", sarama.OffsetOldest, 70)
		if err != nil {
			return err
		}
		return errors.Join(
			scenario.Expect("earliest offset", 30, start),
			scenario.Expect("first record", 30, back[0].Offset),
		)
	})
	run.Step("create-partitions", func(context.Context) error {
		if err := admin.CreatePartitions("scenario", 6, nil, false); err != nil {
			return err
		}
		topics, err := admin.DescribeTopics([]string{"scenario"})
		if err != nil {
			return err
		}
		return errors.Join(
			scenario.Expect("partitions", 6, len(topics[0].Partitions)),
			scenario.Expect("fewer are refused", true, admin.CreatePartitions("scenario", 5, nil, false) != nil),
		)
	})
}

func deleteTopic() {
	run.Step("delete-topic", func(context.Context) error {
		admin, err := sarama.NewClusterAdmin([]string{run.Bootstrap}, config())
		if err != nil {
			return err
		}
		defer admin.Close()
		if err := admin.DeleteTopic("scenario"); err != nil {
			return err
		}
		topics, err := admin.ListTopics()
		_, listed := topics["scenario"]
		return errors.Join(err,
			scenario.Expect("listed after deletion", false, listed),
			scenario.ExpectIs("deleted again", sarama.ErrUnknownTopicOrPartition, admin.DeleteTopic("scenario")),
		)
	})
}

// surviveKill has its producer without idempotence, which is sarama's default: nothing may be lost,
// but records may be there twice.
func surviveKill(ctx context.Context, admin sarama.ClusterAdmin) error {
	if err := createTopic(admin, "kill-restart", 1); err != nil {
		return err
	}
	if err := commitOffset("kill-restart", "kill-restart", 0, 7, ""); err != nil {
		return err
	}
	producer, err := sarama.NewSyncProducer([]string{run.Bootstrap}, config())
	if err != nil {
		return err
	}
	defer producer.Close()
	sent, err := run.ProduceThroughKill(ctx, func(value string) error {
		// It gives up when no broker answers for long; what is not acknowledged is sent again.
		return scenario.Until(ctx, value+" is acknowledged", func() (bool, error) {
			message := &sarama.ProducerMessage{Topic: "kill-restart", Value: sarama.StringEncoder(value)}
			_, _, err := producer.SendMessage(message)
			return err == nil, err
		})
	})
	if err != nil {
		return err
	}
	client, err := sarama.NewClient([]string{run.Bootstrap}, config())
	if err != nil {
		return err
	}
	defer client.Close()
	end, err := client.GetOffset("kill-restart", 0, sarama.OffsetNewest)
	if err != nil {
		return err
	}
	back, err := read(ctx, "kill-restart", sarama.OffsetOldest, int(end))
	if err != nil {
		return err
	}
	// The connections of the first admin client broke.
	if admin, err = sarama.NewClusterAdmin([]string{run.Bootstrap}, config()); err != nil {
		return err
	}
	defer admin.Close()
	offsets, err := admin.ListConsumerGroupOffsets("kill-restart", map[string][]int32{"kill-restart": {0}})
	if err != nil {
		return err
	}
	return errors.Join(
		scenario.Expect("acknowledged and lost", 0, len(scenario.Lost(sent, scenario.Values(plain(back))))),
		scenario.Expect("committed offset", 7, offsets.GetBlock("kill-restart", 0).Offset),
	)
}
