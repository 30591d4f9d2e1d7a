package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"odradek/conformance/go-scenario"
)

func consumeInGroups(admin sarama.ClusterAdmin) {
	run.Step("group-consume", func(ctx context.Context) error { return groupConsume(ctx, admin) })
	run.Step("group-rebalance", rebalance)
	run.Step("group-kip-848", func(context.Context) error {
		return scenario.ClientHasNo("it has no groups of the new protocol")
	})
	run.Step("commit-resume", func(ctx context.Context) error { return commitAndResume(ctx, admin) })
	administerGroups(admin)
}

// member is a group member that runs in the background until it is closed.
type member struct {
	group    sarama.ConsumerGroup
	messages chan *sarama.ConsumerMessage
	cancel   context.CancelFunc
	ended    chan error
	// markUpTo is the last offset that it marks as consumed; negative: all.
	markUpTo int64
	lock     sync.Mutex
	assigned int
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	count := 0
	for _, partitions := range session.Claims() {
		count += len(partitions)
	}
	m.setAssigned(count)
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.setAssigned(0)
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		if m.markUpTo < 0 || message.Offset <= m.markUpTo {
			session.MarkMessage(message, "a note")
		}
		m.messages <- message
	}
	return nil
}

func (m *member) setAssigned(count int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.assigned = count
}

func (m *member) has(count int) bool {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.assigned == count
}

func join(ctx context.Context, group, topic string, markUpTo int64) (*member, error) {
	joined, err := sarama.NewConsumerGroup([]string{run.Bootstrap}, group, config())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	m := &member{group: joined, messages: make(chan *sarama.ConsumerMessage, 1000), cancel: cancel, ended: make(chan error, 1), markUpTo: markUpTo}
	go func() {
		for ctx.Err() == nil {
			if err := joined.Consume(ctx, []string{topic}, m); err != nil {
				m.ended <- err
				return
			}
		}
		m.ended <- nil
	}()
	return m, nil
}

func (m *member) leave() error {
	m.cancel()
	return errors.Join(<-m.ended, m.group.Close())
}

func (m *member) read(ctx context.Context, count int) ([]*sarama.ConsumerMessage, error) {
	var read []*sarama.ConsumerMessage
	for len(read) < count {
		select {
		case message := <-m.messages:
			read = append(read, message)
		case <-ctx.Done():
			return read, fmt.Errorf("%d of %d records read", len(read), count)
		}
	}
	return read, nil
}

func groupConsume(ctx context.Context, admin sarama.ClusterAdmin) error {
	const topic = "group-consume"
	if err := createTopic(admin, topic, 4); err != nil {
		return err
	}
	sent := scenario.Records(100)
	if err := send(messages(topic, sent)); err != nil {
		return err
	}
	consumer, err := join(ctx, topic, topic, -1)
	if err != nil {
		return err
	}
	back, err := consumer.read(ctx, len(sent))
	return errors.Join(err, consumer.leave(),
		scenario.Expect("not read", 0, len(scenario.Lost(scenario.Values(sent), scenario.Values(plain(back))))))
}

func rebalance(ctx context.Context) error {
	first, err := join(ctx, "group-rebalance", "group-consume", -1)
	if err != nil {
		return err
	}
	alone := func() (bool, error) { return first.has(4), nil }
	if err = scenario.Until(ctx, "the first member has all four partitions", alone); err != nil {
		return err
	}
	second, err := join(ctx, "group-rebalance", "group-consume", -1)
	if err != nil {
		return err
	}
	shared := func() (bool, error) { return first.has(2) && second.has(2), nil }
	if err = scenario.Until(ctx, "both members have two partitions", shared); err != nil {
		return err
	}
	if err = second.leave(); err != nil {
		return err
	}
	err = scenario.Until(ctx, "the first member has all four partitions again", alone)
	return errors.Join(err, first.leave())
}

func commitAndResume(ctx context.Context, admin sarama.ClusterAdmin) error {
	const topic = "commit-resume"
	if err := createTopic(admin, topic, 1); err != nil {
		return err
	}
	if err := send(messages(topic, scenario.Records(100))); err != nil {
		return err
	}
	first, err := join(ctx, topic, topic, 39)
	if err != nil {
		return err
	}
	_, err = first.read(ctx, 100)
	if err = errors.Join(err, first.leave()); err != nil {
		return err
	}
	offsets, err := admin.ListConsumerGroupOffsets(topic, map[string][]int32{topic: {0}})
	if err != nil {
		return err
	}
	second, err := join(ctx, topic, topic, -1)
	if err != nil {
		return err
	}
	back, err := second.read(ctx, 60)
	if err = errors.Join(err, second.leave()); err != nil {
		return err
	}
	return errors.Join(
		scenario.Expect("metadata", "a note", offsets.GetBlock(topic, 0).Metadata),
		scenario.Expect("resumed at", 40, back[0].Offset),
	)
}

// commitOffset commits for a group without members.
func commitOffset(group, topic string, partition int32, offset int64, metadata string) error {
	client, err := sarama.NewClient([]string{run.Bootstrap}, config())
	if err != nil {
		return err
	}
	defer client.Close()
	manager, err := sarama.NewOffsetManagerFromClient(group, client)
	if err != nil {
		return err
	}
	defer manager.Close()
	managed, err := manager.ManagePartition(topic, partition)
	if err != nil {
		return err
	}
	managed.MarkOffset(offset, metadata)
	manager.Commit()
	return managed.Close()
}

func administerGroups(admin sarama.ClusterAdmin) {
	run.Step("list-groups", func(context.Context) error {
		groups, err := admin.ListConsumerGroups()
		return errors.Join(err, scenario.Expect("protocol type", "consumer", groups["group-consume"]))
	})
	run.Step("describe-group", func(ctx context.Context) error {
		consumer, err := join(ctx, "describe-group", "group-consume", -1)
		if err != nil {
			return err
		}
		defer consumer.leave()
		if _, err := consumer.read(ctx, 100); err != nil {
			return err
		}
		groups, err := admin.DescribeConsumerGroups([]string{"describe-group"})
		if err != nil {
			return err
		}
		problems := []error{
			scenario.Expect("members", 1, len(groups[0].Members)),
			scenario.Expect("state", "Stable", groups[0].State),
		}
		for _, described := range groups[0].Members {
			assignment, err := described.GetMemberAssignment()
			if err != nil {
				return err
			}
			problems = append(problems,
				scenario.Expect("client id", "conformance", described.ClientId),
				scenario.Expect("assigned partitions", 4, len(assignment.Topics["group-consume"])))
		}
		return errors.Join(problems...)
	})
	run.Step("group-offsets", func(context.Context) error {
		if err := commitOffset("group-offsets", "scenario", 2, 42, "a note"); err != nil {
			return err
		}
		offsets, err := admin.ListConsumerGroupOffsets("group-offsets", map[string][]int32{"scenario": {1, 2}})
		if err != nil {
			return err
		}
		problems := []error{
			scenario.Expect("offset", 42, offsets.GetBlock("scenario", 2).Offset),
			scenario.Expect("metadata", "a note", offsets.GetBlock("scenario", 2).Metadata),
			scenario.Expect("offset without a commit", -1, offsets.GetBlock("scenario", 1).Offset),
		}
		if isOld {
			return errors.Join(problems...)
		}
		if err := admin.DeleteConsumerGroupOffset("group-offsets", "scenario", 2); err != nil {
			return err
		}
		offsets, err = admin.ListConsumerGroupOffsets("group-offsets", map[string][]int32{"scenario": {2}})
		if err != nil {
			return err
		}
		after := offsets.GetBlock("scenario", 2).Offset
		return errors.Join(append(problems, scenario.Expect("offset after deletion", -1, after))...)
	})
	run.Step("delete-group", func(ctx context.Context) error {
		if err := newer("DeleteGroups"); err != nil {
			return err
		}
		consumer, err := join(ctx, "delete-group", "group-consume", -1)
		if err != nil {
			return err
		}
		_, err = consumer.read(ctx, 100)
		early := admin.DeleteConsumerGroup("delete-group")
		if err = errors.Join(err, consumer.leave(), scenario.ExpectIs("with a member", sarama.ErrNonEmptyGroup, early)); err != nil {
			return err
		}
		if err := admin.DeleteConsumerGroup("delete-group"); err != nil {
			return err
		}
		groups, err := admin.ListConsumerGroups()
		_, listed := groups["delete-group"]
		return errors.Join(err, scenario.Expect("listed after deletion", false, listed))
	})
}
