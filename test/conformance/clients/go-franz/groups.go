package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"odradek/conformance/go-scenario"
)

func consumeInGroups(admin *kadm.Client) {
	run.Step("group-consume", func(ctx context.Context) error { return groupConsume(ctx, admin, "group-consume") })
	run.Step("group-rebalance", func(ctx context.Context) error { return rebalance(ctx, "group-rebalance") })
	run.Step("group-kip-848", func(ctx context.Context) error {
		if err := run.Needs("ConsumerGroupHeartbeat"); err != nil {
			return err
		}
		newProtocol := kgo.ServerSideBalancer()
		if err := groupConsume(ctx, admin, "group-kip-848", newProtocol); err != nil {
			return err
		}
		groups, err := admin.DescribeConsumerGroups(ctx, "group-kip-848")
		if err = errors.Join(err, groups.Error()); err != nil {
			return err
		}
		return rebalance(ctx, "group-kip-848", newProtocol)
	})
	run.Step("commit-resume", func(ctx context.Context) error { return commitAndResume(ctx, admin) })
	administerGroups(admin)
}

func member(ctx context.Context, group, topic string, options ...kgo.Opt) *kgo.Client {
	return client(append([]kgo.Opt{
		kgo.WithContext(ctx), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ClientID("conformance"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}, options...)...)
}

func groupConsume(ctx context.Context, admin *kadm.Client, group string, options ...kgo.Opt) error {
	if err := createTopic(ctx, admin, group, 4); err != nil {
		return err
	}
	sent := scenario.Records(100)
	if err := send(ctx, group, sent); err != nil {
		return err
	}
	consumer := member(ctx, group, group, options...)
	defer consumer.Close()
	records, err := poll(ctx, consumer, len(sent))
	if err != nil {
		return err
	}
	return errors.Join(
		scenario.Expect("read", len(sent), len(records)),
		scenario.Expect("not read", 0, len(scenario.Lost(scenario.Values(sent), scenario.Values(plain(records))))),
	)
}

// counted is a member that polls in the background and counts its partitions.
func counted(ctx context.Context, group, topic string, options ...kgo.Opt) (*kgo.Client, *atomic.Int32) {
	var partitions atomic.Int32
	add := func(sign int32) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			partitions.Add(sign * int32(len(changed[topic])))
		}
	}
	consumer := member(ctx, group, topic, append(options,
		kgo.OnPartitionsAssigned(add(1)), kgo.OnPartitionsRevoked(add(-1)), kgo.OnPartitionsLost(add(-1)))...)
	go func() {
		for !consumer.PollFetches(ctx).IsClientClosed() && ctx.Err() == nil {
		}
	}()
	return consumer, &partitions
}

func rebalance(ctx context.Context, group string, options ...kgo.Opt) error {
	topic := "group-consume"
	first, firstHas := counted(ctx, group, topic, options...)
	defer first.Close()
	err := scenario.Until(ctx, "the first member has all four partitions", func() (bool, error) {
		return firstHas.Load() == 4, nil
	})
	if err != nil {
		return err
	}
	second, secondHas := counted(ctx, group, topic, options...)
	err = scenario.Until(ctx, "both members have two partitions", func() (bool, error) {
		return firstHas.Load() == 2 && secondHas.Load() == 2, nil
	})
	second.Close()
	if err != nil {
		return err
	}
	return scenario.Until(ctx, "the first member has all four partitions again", func() (bool, error) {
		return firstHas.Load() == 4, nil
	})
}

func commitAndResume(ctx context.Context, admin *kadm.Client) error {
	const topic = "commit-resume"
	if err := createTopic(ctx, admin, topic, 1); err != nil {
		return err
	}
	if err := send(ctx, topic, scenario.Records(100)); err != nil {
		return err
	}
	first := member(ctx, topic, topic, kgo.DisableAutoCommit())
	records, err := poll(ctx, first, 100)
	if err == nil {
		err = first.CommitRecords(ctx, records[39])
	}
	first.Close()
	if err != nil {
		return err
	}
	second := member(ctx, topic, topic, kgo.DisableAutoCommit())
	defer second.Close()
	if records, err = poll(ctx, second, 60); err != nil {
		return err
	}
	return errors.Join(
		scenario.Expect("resumed at", 40, records[0].Offset),
		scenario.Expect("read the second time", 60, len(records)),
	)
}

func administerGroups(admin *kadm.Client) {
	run.Step("list-groups", func(ctx context.Context) error {
		groups, err := admin.ListGroups(ctx)
		return errors.Join(err,
			scenario.Expect("protocol type", "consumer", groups["group-consume"].ProtocolType),
			scenario.Expect("state", "Empty", groups["group-consume"].State),
		)
	})
	run.Step("describe-group", func(ctx context.Context) error {
		consumer := member(ctx, "describe-group", "group-consume")
		defer consumer.Close()
		if _, err := poll(ctx, consumer, 100); err != nil {
			return err
		}
		groups, err := admin.DescribeGroups(ctx, "describe-group", "unknown")
		if err != nil {
			return err
		}
		group := groups["describe-group"]
		if err = errors.Join(group.Err, scenario.Expect("members", 1, len(group.Members))); err != nil {
			return err
		}
		assigned, _ := group.Members[0].Assigned.AsConsumer()
		if assigned == nil {
			return errors.New("the member has no readable assignment")
		}
		return errors.Join(
			scenario.Expect("state", "Stable", group.State),
			scenario.Expect("client id", "conformance", group.Members[0].ClientID),
			scenario.Expect("assigned partitions", 4, len(assigned.Topics[0].Partitions)),
			scenario.Expect("state of an unknown group", "Dead", groups["unknown"].State),
		)
	})
	run.Step("group-offsets", func(ctx context.Context) error {
		wanted := kadm.Offsets{}
		wanted.Add(kadm.Offset{Topic: "scenario", Partition: 2, At: 42, LeaderEpoch: -1, Metadata: "a note"})
		if err := admin.CommitAllOffsets(ctx, "group-offsets", wanted); err != nil {
			return err
		}
		offsets, err := admin.FetchOffsets(ctx, "group-offsets")
		offset, _ := offsets.Lookup("scenario", 2)
		if err = errors.Join(err,
			scenario.Expect("offset", 42, offset.At),
			scenario.Expect("metadata", "a note", offset.Metadata),
			scenario.Expect("committed partitions", 1, len(offsets.Sorted()))); err != nil {
			return err
		}
		topics := kadm.TopicsSet{}
		topics.Add("scenario", 2)
		deleted, err := admin.DeleteOffsets(ctx, "group-offsets", topics)
		if err = errors.Join(err, deleted.Error()); err != nil {
			return err
		}
		offsets, err = admin.FetchOffsets(ctx, "group-offsets")
		return errors.Join(err, scenario.Expect("committed after deletion", 0, len(offsets.Sorted())))
	})
	run.Step("delete-group", func(ctx context.Context) error {
		consumer := member(ctx, "delete-group", "group-consume")
		_, err := poll(ctx, consumer, 100)
		answer, deleteErr := admin.DeleteGroup(ctx, "delete-group")
		consumer.Close()
		early := errors.Join(deleteErr, answer.Err)
		if err = errors.Join(err, scenario.ExpectError("with a member", "NON_EMPTY_GROUP", early)); err != nil {
			return err
		}
		if answer, err = admin.DeleteGroup(ctx, "delete-group"); err != nil || answer.Err != nil {
			return errors.Join(err, answer.Err)
		}
		groups, err := admin.ListGroups(ctx)
		_, listed := groups["delete-group"]
		return errors.Join(err, scenario.Expect("listed after deletion", false, listed))
	})
}
