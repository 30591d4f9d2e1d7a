package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"odradek/conformance/go-scenario"
)

var codecs = []struct {
	name  string
	codec kgo.CompressionCodec
	id    uint8
}{
	{"none", kgo.NoCompression(), 0},
	{"gzip", kgo.GzipCompression(), 1},
	{"snappy", kgo.SnappyCompression(), 2},
	{"lz4", kgo.Lz4Compression(), 3},
	{"zstd", kgo.ZstdCompression(), 4},
}

func produce(admin *kadm.Client) {
	run.Step("auto-create", func(ctx context.Context) error {
		sent := scenario.Records(3)
		if err := send(ctx, "auto-create", sent, kgo.AllowAutoTopicCreation()); err != nil {
			return err
		}
		records, err := read(ctx, "auto-create", 3)
		return errors.Join(err, scenario.Same(sent, plain(records)))
	})
	for _, codec := range codecs {
		run.Step("produce-"+codec.name, func(ctx context.Context) error {
			topic, sent := "produce-"+codec.name, scenario.Records(200)
			if err := createTopic(ctx, admin, topic, 1); err != nil {
				return err
			}
			if err := send(ctx, topic, sent, kgo.ProducerBatchCompression(codec.codec)); err != nil {
				return err
			}
			records, err := read(ctx, topic, len(sent))
			if err != nil {
				return err
			}
			return errors.Join(
				scenario.Same(sent, plain(records)),
				scenario.Expect("codec", codec.id, records[0].Attrs.CompressionType()),
				scenario.Expect("last offset", 199, records[199].Offset),
			)
		})
	}
	run.Step("headers-tombstones", func(ctx context.Context) error { return headers(ctx, admin) })
	run.Step("large-record", func(ctx context.Context) error {
		if err := createTopic(ctx, admin, "large-record", 1); err != nil {
			return err
		}
		large := []scenario.Record{{Key: "large", Value: strings.Repeat("0123456789", 90_000)}}
		if err := send(ctx, "large-record", large, kgo.ProducerBatchCompression(kgo.NoCompression())); err != nil {
			return err
		}
		records, err := read(ctx, "large-record", 1)
		if err != nil {
			return err
		}
		if err = scenario.Same(large, plain(records)); err != nil {
			return err
		}
		large[0].Value = strings.Repeat("0123456789", 200_000)
		options := []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(3_000_000)}
		return scenario.ExpectError("too large", "MESSAGE_TOO_LARGE", send(ctx, "large-record", large, options...))
	})
	run.Step("acks", func(ctx context.Context) error {
		if err := createTopic(ctx, admin, "acks", 1); err != nil {
			return err
		}
		for i, acks := range []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()} {
			options := []kgo.Opt{kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite()}
			if err := send(ctx, "acks", scenario.Records(10), options...); err != nil {
				return fmt.Errorf("acks setting %d: %w", i, err)
			}
		}
		records, err := read(ctx, "acks", 30)
		return errors.Join(err, scenario.Expect("records", 30, len(records)))
	})
	run.Step("idempotent-producer", func(ctx context.Context) error {
		if err := createTopic(ctx, admin, "idempotent", 1); err != nil {
			return err
		}
		sent := scenario.Records(1000)
		options := []kgo.Opt{kgo.MaxBufferedRecords(50), kgo.ProducerLinger(0)}
		if err := send(ctx, "idempotent", sent, options...); err != nil {
			return err
		}
		records, err := read(ctx, "idempotent", len(sent))
		if err != nil {
			return err
		}
		return errors.Join(
			scenario.Same(sent, plain(records)),
			scenario.Expect("has a producer id", true, records[0].ProducerID >= 0),
		)
	})
	run.Step("seek-by-time", func(ctx context.Context) error { return seekByTime(ctx, admin) })
}

func headers(ctx context.Context, admin *kadm.Client) error {
	const topic = "headers-tombstones"
	if err := createTopic(ctx, admin, topic, 1); err != nil {
		return err
	}
	at := time.UnixMilli(time.Now().UnixMilli() - 5_000)
	sent := []*kgo.Record{
		{Topic: topic, Key: []byte("both"), Value: []byte("value"), Timestamp: at, Headers: []kgo.RecordHeader{
			{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "empty", Value: []byte{}},
			{Key: "binary", Value: []byte{0, 255, 128}}, {Key: "null", Value: nil},
		}},
		{Topic: topic, Key: []byte("tombstone"), Value: nil},
		{Topic: topic, Key: nil, Value: []byte("no key")},
		{Topic: topic, Key: []byte{}, Value: []byte{}},
	}
	producer := client()
	defer producer.Close()
	if err := producer.ProduceSync(ctx, sent...).FirstErr(); err != nil {
		return err
	}
	records, err := read(ctx, topic, len(sent))
	if err != nil {
		return err
	}
	var problems []error
	for i, record := range records {
		if !same(record.Key, sent[i].Key) || !same(record.Value, sent[i].Value) {
			problems = append(problems, fmt.Errorf("record %d came back as %q, %q", i, record.Key, record.Value))
		}
	}
	for i, header := range sent[0].Headers {
		back := records[0].Headers[i]
		if back.Key != header.Key || !same(back.Value, header.Value) {
			problems = append(problems, fmt.Errorf("header %d came back as %q, %q", i, back.Key, back.Value))
		}
	}
	problems = append(problems, scenario.Expect("timestamp", at.UnixMilli(), records[0].Timestamp.UnixMilli()))
	return errors.Join(problems...)
}

// same tells null and empty apart.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func seekByTime(ctx context.Context, admin *kadm.Client) error {
	const topic = "seek-by-time"
	if err := createTopic(ctx, admin, topic, 1); err != nil {
		return err
	}
	first := time.Now().UnixMilli() - 60_000
	records := kgoRecords(topic, scenario.Records(10))
	for i, record := range records {
		record.Timestamp = time.UnixMilli(first + int64(i)*1000)
	}
	producer := client()
	defer producer.Close()
	if err := producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	var problems []error
	for _, wanted := range []struct{ after, offset int64 }{{-1000, 0}, {4500, 5}, {5000, 5}, {9001, 10}} {
		offsets, err := admin.ListOffsetsAfterMilli(ctx, first+wanted.after, topic)
		found, _ := offsets.Lookup(topic, 0)
		what := fmt.Sprintf("offset after %d ms", wanted.after)
		problems = append(problems, err, scenario.Expect(what, wanted.offset, found.Offset))
	}
	latest, err := admin.ListMaxTimestampOffsets(ctx, topic)
	found, _ := latest.Lookup(topic, 0)
	problems = append(problems, err, scenario.Expect("offset of the largest timestamp", 9, found.Offset))
	from := kgo.ConsumeResetOffset(kgo.NewOffset().AfterMilli(first + 4500))
	read, err := read(ctx, topic, 5, from)
	if err != nil {
		return err
	}
	return errors.Join(append(problems, scenario.Expect("first record", 5, read[0].Offset))...)
}
