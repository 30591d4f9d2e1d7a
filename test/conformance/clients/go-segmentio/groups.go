package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"odradek/conformance/go-scenario"
)

func consumeInGroups(admin *kafka.Client) {
	run.Step("group-consume", func(ctx context.Context) error { return groupConsume(ctx, admin) })
	run.Step("group-rebalance", rebalance)
	run.Step("group-kip-848", func(context.Context) error {
		return scenario.ClientHasNo("it has no groups of the new protocol")
	})
	run.Step("commit-resume", func(ctx context.Context) error { return commitAndResume(ctx, admin) })
	administerGroups(admin)
}

func groupReader(group, topic string) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{run.Bootstrap}, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset,
		MaxWait: 200 * time.Millisecond, Dialer: &kafka.Dialer{ClientID: "conformance", Timeout: 10 * time.Second},
	})
}

func groupConsume(ctx context.Context, admin *kafka.Client) error {
	const topic = "group-consume"
	if err := createTopic(ctx, admin, topic, 4); err != nil {
		return err
	}
	sent := scenario.Records(100)
	if err := send(ctx, topic, messages(sent)); err != nil {
		return err
	}
	reader := groupReader(topic, topic)
	back, err := fetch(ctx, reader, len(sent))
	if err == nil {
		err = reader.CommitMessages(ctx, back...)
	}
	return errors.Join(err, reader.Close(),
		scenario.Expect("not read", 0, len(scenario.Lost(scenario.Values(sent), scenario.Values(plain(back))))))
}

// join makes a member that goes from generation to generation and counts its partitions.
func join(ctx context.Context, group, topic string) (*kafka.ConsumerGroup, *atomic.Int32, error) {
	joined, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: group, Brokers: []string{run.Bootstrap}, Topics: []string{topic},
		HeartbeatInterval: 300 * time.Millisecond, JoinGroupBackoff: 500 * time.Millisecond,
	})
	if err != nil {
		return nil, nil, err
	}
	var assigned atomic.Int32
	go func() {
		for ctx.Err() == nil {
			generation, err := joined.Next(ctx)
			if errors.Is(err, kafka.ErrGroupClosed) {
				return
			}
			if err != nil {
				continue
			}
			assigned.Store(int32(len(generation.Assignments[topic])))
			generation.Start(func(ctx context.Context) { <-ctx.Done() })
		}
	}()
	return joined, &assigned, nil
}

func rebalance(ctx context.Context) error {
	first, firstHas, err := join(ctx, "group-rebalance", "group-consume")
	if err != nil {
		return err
	}
	defer first.Close()
	alone := func() (bool, error) { return firstHas.Load() == 4, nil }
	if err := scenario.Until(ctx, "the first member has all four partitions", alone); err != nil {
		return err
	}
	second, secondHas, err := join(ctx, "group-rebalance", "group-consume")
	if err != nil {
		return err
	}
	shared := func() (bool, error) { return firstHas.Load() == 2 && secondHas.Load() == 2, nil }
	if err := scenario.Until(ctx, "both members have two partitions", shared); err != nil {
		return err
	}
	if err := second.Close(); err != nil {
		return err
	}
	return scenario.Until(ctx, "the first member has all four partitions again", alone)
}

func commitAndResume(ctx context.Context, admin *kafka.Client) error {
	const topic = "commit-resume"
	if err := createTopic(ctx, admin, topic, 1); err != nil {
		return err
	}
	if err := send(ctx, topic, messages(scenario.Records(100))); err != nil {
		return err
	}
	first := groupReader(topic, topic)
	back, err := fetch(ctx, first, 100)
	if err == nil {
		err = first.CommitMessages(ctx, back[39])
	}
	if err = errors.Join(err, first.Close()); err != nil {
		return err
	}
	second := groupReader(topic, topic)
	if back, err = fetch(ctx, second, 60); err != nil {
		return err
	}
	return errors.Join(second.Close(), scenario.Expect("resumed at", 40, back[0].Offset))
}

// commitOffset commits for a group without members.
func commitOffset(ctx context.Context, admin *kafka.Client, group, topic string, commit kafka.OffsetCommit) error {
	answer, err := admin.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: {commit}},
	})
	if err != nil {
		return err
	}
	return answer.Topics[topic][0].Error
}

func committedOffset(ctx context.Context, admin *kafka.Client, group, topic string, partition int) (kafka.OffsetFetchPartition, error) {
	request := &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {partition}}}
	answer, err := admin.OffsetFetch(ctx, request)
	if err != nil {
		return kafka.OffsetFetchPartition{}, err
	}
	found := answer.Topics[topic][0]
	return found, errors.Join(answer.Error, found.Error)
}

func administerGroups(admin *kafka.Client) {
	listed := func(ctx context.Context, group string) (string, bool, error) {
		answer, err := admin.ListGroups(ctx, &kafka.ListGroupsRequest{})
		if err != nil {
			return "", false, err
		}
		for _, found := range answer.Groups {
			if found.GroupID == group {
				return found.ProtocolType, true, answer.Error
			}
		}
		return "", false, answer.Error
	}
	run.Step("list-groups", func(ctx context.Context) error {
		protocolType, _, err := listed(ctx, "group-consume")
		return errors.Join(err, scenario.Expect("protocol type", "consumer", protocolType))
	})
	run.Step("describe-group", func(ctx context.Context) error {
		reader := groupReader("describe-group", "group-consume")
		defer reader.Close()
		if _, err := fetch(ctx, reader, 100); err != nil {
			return err
		}
		answer, err := admin.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{"describe-group"}})
		if err != nil {
			return err
		}
		group := answer.Groups[0]
		if err := errors.Join(group.Error, scenario.Expect("members", 1, len(group.Members))); err != nil {
			return err
		}
		return errors.Join(
			scenario.Expect("state", "Stable", group.GroupState),
			scenario.Expect("client id", "conformance", group.Members[0].ClientID),
			scenario.Expect("assigned partitions", 4, len(group.Members[0].MemberAssignments.Topics[0].Partitions)),
		)
	})
	run.Step("group-offsets", func(ctx context.Context) error {
		commit := kafka.OffsetCommit{Partition: 2, Offset: 42, Metadata: "a note"}
		if err := commitOffset(ctx, admin, "group-offsets", "scenario", commit); err != nil {
			return err
		}
		offset, err := committedOffset(ctx, admin, "group-offsets", "scenario", 2)
		if err != nil {
			return err
		}
		request := &kafka.OffsetDeleteRequest{GroupID: "group-offsets", Topics: map[string][]int{"scenario": {2}}}
		answer, err := admin.OffsetDelete(ctx, request)
		if err != nil {
			return err
		}
		after, err := committedOffset(ctx, admin, "group-offsets", "scenario", 2)
		return errors.Join(err, answer.Error, answer.Topics["scenario"][0].Error,
			scenario.Expect("offset", 42, offset.CommittedOffset),
			scenario.Expect("metadata", "a note", offset.Metadata),
			scenario.Expect("offset after deletion", -1, after.CommittedOffset),
		)
	})
	run.Step("delete-group", func(ctx context.Context) error {
		remove := func() error {
			answer, err := admin.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{"delete-group"}})
			if err != nil {
				return err
			}
			return answer.Errors["delete-group"]
		}
		reader := groupReader("delete-group", "group-consume")
		_, err := fetch(ctx, reader, 100)
		early := remove()
		err = errors.Join(err, reader.Close(), scenario.ExpectIs("with a member", kafka.NonEmptyGroup, early))
		if err != nil {
			return err
		}
		if err := remove(); err != nil {
			return err
		}
		_, found, err := listed(ctx, "delete-group")
		return errors.Join(err, scenario.Expect("listed after deletion", false, found))
	})
}
