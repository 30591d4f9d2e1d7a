package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"odradek/conformance/go-scenario"
)

func createAndDescribe(admin *kadm.Client) {
	run.Step("describe-cluster", func(ctx context.Context) error {
		cluster, err := admin.BrokerMetadata(ctx)
		if err != nil {
			return err
		}
		return errors.Join(
			scenario.Expect("brokers", 1, len(cluster.Brokers)),
			scenario.Expect("controller", cluster.Brokers[0].NodeID, cluster.Controller),
			scenario.Expect("has a cluster id", true, cluster.Cluster != ""),
		)
	})
	run.Step("create-topic", func(ctx context.Context) error {
		configs := map[string]*string{"retention.ms": kadm.StringPtr("86400000")}
		answer, err := admin.CreateTopic(ctx, 4, 1, configs, "scenario")
		if err = errors.Join(err, answer.Err); err != nil {
			return err
		}
		again, err := admin.CreateTopic(ctx, 4, 1, configs, "scenario")
		return scenario.ExpectError("created again", "TOPIC_ALREADY_EXISTS", errors.Join(err, again.Err))
	})
	run.Step("describe-topics", func(ctx context.Context) error {
		topics, err := admin.ListTopics(ctx, "scenario", "unknown")
		if err != nil {
			return err
		}
		partitions := topics["scenario"].Partitions
		problems := []error{
			scenario.Expect("partitions", 4, len(partitions)),
			scenario.ExpectError("unknown", "UNKNOWN_TOPIC_OR_PARTITION", topics["unknown"].Err),
		}
		for _, partition := range partitions {
			problems = append(problems, scenario.Expect("leader", 1, partition.Leader), partition.Err)
		}
		return errors.Join(problems...)
	})
}

func configure(admin *kadm.Client) {
	valueOf := func(ctx context.Context, key string) (string, error) {
		resources, err := admin.DescribeTopicConfigs(ctx, "scenario")
		if err != nil {
			return "", err
		}
		for _, config := range resources[0].Configs {
			if config.Key == key {
				return config.MaybeValue(), resources[0].Err
			}
		}
		return "", fmt.Errorf("no %s among %d configs", key, len(resources[0].Configs))
	}
	run.Step("describe-configs", func(ctx context.Context) error {
		retention, err := valueOf(ctx, "retention.ms")
		if err != nil {
			return err
		}
		broker, err := admin.DescribeBrokerConfigs(ctx, 1)
		if err != nil {
			return err
		}
		return errors.Join(
			scenario.Expect("retention.ms", "86400000", retention),
			scenario.Expect("the broker has configs", true, len(broker[0].Configs) > 10),
		)
	})
	run.Step("alter-configs", func(ctx context.Context) error {
		change := kadm.AlterConfig{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr("2000000")}
		answer, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{change}, "scenario")
		if err = errors.Join(err, answer[0].Err); err != nil {
			return err
		}
		changed, err := valueOf(ctx, "max.message.bytes")
		if err = errors.Join(err, scenario.Expect("max.message.bytes", "2000000", changed)); err != nil {
			return err
		}
		change.Value = kadm.StringPtr("no number")
		answer, err = admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{change}, "scenario")
		return scenario.ExpectError("no number", "INVALID_CONFIG", errors.Join(err, answer[0].Err))
	})
}

func changeRecordsAndPartitions(admin *kadm.Client) {
	run.Step("delete-records", func(ctx context.Context) error {
		if err := createTopic(ctx, admin, "delete-records", 1); err != nil {
			return err
		}
		if err := send(ctx, "delete-records", scenario.Records(100)); err != nil {
			return err
		}
		offsets := kadm.Offsets{}
		offsets.AddOffset("delete-records", 0, 30, -1)
		answer, err := admin.DeleteRecords(ctx, offsets)
		if err = errors.Join(err, answer.Error()); err != nil {
			return err
		}
		deleted, _ := answer.Lookup("delete-records", 0)
		starts, err := admin.ListStartOffsets(ctx, "delete-records")
		if err != nil {
			return err
		}
		start, _ := starts.Lookup("delete-records", 0)
		records, err := read(ctx, "delete-records", 70)
		if err != nil {
			return err
		}
		return errors.Join(
			scenario.Expect("low watermark", 30, deleted.LowWatermark),
			scenario.Expect("earliest offset", 30, start.Offset),
			scenario.Expect("first record", 30, records[0].Offset),
		)
	})
	run.Step("create-partitions", func(ctx context.Context) error {
		answer, err := admin.UpdatePartitions(ctx, 6, "scenario")
		if err = errors.Join(err, answer.Error()); err != nil {
			return err
		}
		topics, err := admin.ListTopics(ctx, "scenario")
		if err != nil {
			return err
		}
		fewer, err := admin.UpdatePartitions(ctx, 5, "scenario")
		return errors.Join(
			scenario.Expect("partitions", 6, len(topics["scenario"].Partitions)),
			scenario.ExpectError("fewer", "INVALID_PARTITIONS", errors.Join(err, fewer.Error())),
		)
	})
}

func deleteTopic(admin *kadm.Client) {
	run.Step("delete-topic", func(ctx context.Context) error {
		answer, err := admin.DeleteTopic(ctx, "scenario")
		if err = errors.Join(err, answer.Err); err != nil {
			return err
		}
		topics, err := admin.ListTopics(ctx, "scenario")
		if err != nil {
			return err
		}
		again, err := admin.DeleteTopic(ctx, "scenario")
		unknown := "UNKNOWN_TOPIC_OR_PARTITION"
		return errors.Join(
			scenario.ExpectError("described", unknown, topics["scenario"].Err),
			scenario.ExpectError("deleted again", unknown, errors.Join(err, again.Err)),
		)
	})
}

// surviveKill produces one record after the other while the broker is killed and started again.
func surviveKill(ctx context.Context, admin *kadm.Client) error {
	if err := createTopic(ctx, admin, "kill-restart", 1); err != nil {
		return err
	}
	committed := kadm.Offsets{}
	committed.AddOffset("kill-restart", 0, 7, -1)
	if err := admin.CommitAllOffsets(ctx, "kill-restart", committed); err != nil {
		return err
	}
	producer := client()
	defer producer.Close()
	sent, err := run.ProduceThroughKill(ctx, func(value string) error {
		record := &kgo.Record{Topic: "kill-restart", Value: []byte(value)}
		return producer.ProduceSync(ctx, record).FirstErr()
	})
	if err != nil {
		return err
	}
	records, err := read(ctx, "kill-restart", len(sent))
	if err != nil {
		return err
	}
	offsets, err := admin.FetchOffsets(ctx, "kill-restart")
	if err != nil {
		return err
	}
	offset, _ := offsets.Lookup("kill-restart", 0)
	return errors.Join(
		scenario.Expect("acknowledged and lost", 0, len(scenario.Lost(sent, scenario.Values(plain(records))))),
		scenario.Expect("read, by an idempotent producer", len(sent), len(records)),
		scenario.Expect("committed offset", 7, offset.At),
	)
}
