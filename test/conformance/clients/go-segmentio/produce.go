package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"odradek/conformance/go-scenario"
)

var codecs = []struct {
	name  string
	codec kafka.Compression
}{
	{"none", 0}, {"gzip", kafka.Gzip}, {"snappy", kafka.Snappy}, {"lz4", kafka.Lz4}, {"zstd", kafka.Zstd},
}

func produce(admin *kafka.Client) {
	run.Step("auto-create", func(ctx context.Context) error {
		sent := scenario.Records(3)
		// Apache Kafka answers before the topic is there, and the Writer takes that for an error.
		err := scenario.Until(ctx, "the topic is created", func() (bool, error) {
			err := send(ctx, "auto-create", messages(sent), func(w *kafka.Writer) { w.AllowAutoTopicCreation = true })
			return err == nil, err
		})
		if err != nil {
			return err
		}
		back, err := read(ctx, "auto-create", len(sent))
		return errors.Join(err, scenario.Same(sent, plain(back)))
	})
	for _, codec := range codecs {
		run.Step("produce-"+codec.name, func(ctx context.Context) error {
			topic := "produce-" + codec.name
			if err := createTopic(ctx, admin, topic, 1); err != nil {
				return err
			}
			return sendAndRead(ctx, topic, scenario.Records(200), func(w *kafka.Writer) { w.Compression = codec.codec })
		})
	}
	run.Step("headers-tombstones", func(ctx context.Context) error { return headers(ctx, admin) })
	run.Step("large-record", func(ctx context.Context) error {
		if err := createTopic(ctx, admin, "large-record", 1); err != nil {
			return err
		}
		large := []scenario.Record{{Key: "large", Value: strings.Repeat("0123456789", 90_000)}}
		if err := sendAndRead(ctx, "large-record", large); err != nil {
			return err
		}
		large[0].Value = strings.Repeat("0123456789", 200_000)
		allow := func(w *kafka.Writer) { w.BatchBytes = 3_000_000 }
		err := send(ctx, "large-record", messages(large), allow)
		return scenario.ExpectIs("too large", kafka.MessageSizeTooLarge, err)
	})
	run.Step("acks", func(ctx context.Context) error {
		if err := createTopic(ctx, admin, "acks", 1); err != nil {
			return err
		}
		for _, acks := range []kafka.RequiredAcks{kafka.RequireNone, kafka.RequireOne, kafka.RequireAll} {
			change := func(w *kafka.Writer) { w.RequiredAcks = acks }
			if err := send(ctx, "acks", messages(scenario.Records(10)), change); err != nil {
				return fmt.Errorf("acks %v: %w", acks, err)
			}
		}
		back, err := read(ctx, "acks", 30)
		return errors.Join(err, scenario.Expect("records", 30, len(back)))
	})
	run.Step("idempotent-producer", func(context.Context) error {
		return scenario.ClientHasNo("its Writer has no idempotence")
	})
	run.Step("seek-by-time", func(ctx context.Context) error { return seekByTime(ctx, admin) })
}

func headers(ctx context.Context, admin *kafka.Client) error {
	const topic = "headers-tombstones"
	if err := createTopic(ctx, admin, topic, 1); err != nil {
		return err
	}
	at := time.UnixMilli(time.Now().UnixMilli() - 5_000)
	wanted := []kafka.Header{
		{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "empty", Value: []byte{}},
		{Key: "binary", Value: []byte{0, 255, 128}},
	}
	sent := []kafka.Message{
		{Key: []byte("both"), Value: []byte("value"), Time: at, Headers: wanted},
		{Key: []byte("tombstone"), Value: nil},
		{Key: nil, Value: []byte("no key")},
	}
	if err := send(ctx, topic, sent); err != nil {
		return err
	}
	back, err := read(ctx, topic, len(sent))
	if err != nil {
		return err
	}
	problems := []error{
		scenario.Expect("timestamp", at.UnixMilli(), back[0].Time.UnixMilli()),
		scenario.Expect("the tombstone's value is null", true, back[1].Value == nil),
		scenario.Expect("the missing key is null", true, back[2].Key == nil),
		scenario.Expect("headers", len(wanted), len(back[0].Headers)),
	}
	for i, header := range back[0].Headers {
		if header.Key != wanted[i].Key || !bytes.Equal(header.Value, wanted[i].Value) {
			problems = append(problems, fmt.Errorf("header %d came back as %q, %q", i, header.Key, header.Value))
		}
	}
	return errors.Join(problems...)
}

func seekByTime(ctx context.Context, admin *kafka.Client) error {
	const topic = "seek-by-time"
	if err := createTopic(ctx, admin, topic, 1); err != nil {
		return err
	}
	first := time.Now().UnixMilli() - 60_000
	sent := messages(scenario.Records(10))
	for i := range sent {
		sent[i].Time = time.UnixMilli(first + int64(i)*1000)
	}
	if err := send(ctx, topic, sent); err != nil {
		return err
	}
	var problems []error
	for _, wanted := range []struct{ after, offset int64 }{{-1000, 0}, {4500, 5}, {5000, 5}, {9001, -1}} {
		offset, err := offsetFor(ctx, admin, topic, first+wanted.after)
		what := fmt.Sprintf("offset after %d ms", wanted.after)
		problems = append(problems, err, scenario.Expect(what, wanted.offset, offset))
	}
	back, err := read(ctx, topic, 5, func(r *kafka.Reader) error {
		return r.SetOffsetAt(ctx, time.UnixMilli(first+4500))
	})
	if err != nil {
		return err
	}
	return errors.Join(append(problems, scenario.Expect("first record", 5, back[0].Offset))...)
}
