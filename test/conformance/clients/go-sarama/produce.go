package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"odradek/conformance/go-scenario"
)

var codecs = []sarama.CompressionCodec{
	sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
}

func produce(admin sarama.ClusterAdmin) {
	run.Step("auto-create", func(ctx context.Context) error {
		return sendAndRead(ctx, "auto-create", scenario.Records(3))
	})
	for _, codec := range codecs {
		run.Step("produce-"+codec.String(), func(ctx context.Context) error {
			topic := "produce-" + codec.String()
			if codec == sarama.CompressionZSTD {
				if err := newer("zstd"); err != nil {
					return err
				}
			}
			if err := createTopic(admin, topic, 1); err != nil {
				return err
			}
			return sendAndRead(ctx, topic, scenario.Records(200), func(c *sarama.Config) { c.Producer.Compression = codec })
		})
	}
	run.Step("headers-tombstones", func(ctx context.Context) error { return headers(ctx, admin) })
	run.Step("large-record", func(ctx context.Context) error {
		if err := createTopic(admin, "large-record", 1); err != nil {
			return err
		}
		large := []scenario.Record{{Key: "large", Value: strings.Repeat("0123456789", 90_000)}}
		if err := sendAndRead(ctx, "large-record", large); err != nil {
			return err
		}
		large[0].Value = strings.Repeat("0123456789", 200_000)
		allow := func(c *sarama.Config) { c.Producer.MaxMessageBytes = 3_000_000 }
		return scenario.ExpectIs("too large", sarama.ErrMessageSizeTooLarge, send(messages("large-record", large), allow))
	})
	run.Step("acks", func(ctx context.Context) error {
		if err := createTopic(admin, "acks", 1); err != nil {
			return err
		}
		for _, acks := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal, sarama.WaitForAll} {
			change := func(c *sarama.Config) { c.Producer.RequiredAcks = acks }
			if err := send(messages("acks", scenario.Records(10)), change); err != nil {
				return fmt.Errorf("acks %d: %w", acks, err)
			}
		}
		back, err := read(ctx, "acks", sarama.OffsetOldest, 30)
		return errors.Join(err, scenario.Expect("records", 30, len(back)))
	})
	run.Step("idempotent-producer", func(ctx context.Context) error {
		if err := createTopic(admin, "idempotent", 1); err != nil {
			return err
		}
		return sendAndRead(ctx, "idempotent", scenario.Records(1000), idempotent, func(c *sarama.Config) {
			c.Producer.Flush.MaxMessages = 50
		})
	})
	run.Step("seek-by-time", func(ctx context.Context) error { return seekByTime(ctx, admin) })
}

func idempotent(c *sarama.Config) {
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Net.MaxOpenRequests = 1
}

func headers(ctx context.Context, admin sarama.ClusterAdmin) error {
	const topic = "headers-tombstones"
	if err := createTopic(admin, topic, 1); err != nil {
		return err
	}
	at := time.UnixMilli(time.Now().UnixMilli() - 5_000)
	wanted := []sarama.RecordHeader{
		{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("a"), Value: []byte("2")},
		{Key: []byte("empty"), Value: []byte{}}, {Key: []byte("binary"), Value: []byte{0, 255, 128}},
	}
	sent := []*sarama.ProducerMessage{
		{Topic: topic, Key: sarama.StringEncoder("both"), Value: sarama.StringEncoder("value"), Timestamp: at, Headers: wanted},
		{Topic: topic, Key: sarama.StringEncoder("tombstone"), Value: nil},
		{Topic: topic, Key: nil, Value: sarama.StringEncoder("no key")},
	}
	if err := send(sent); err != nil {
		return err
	}
	back, err := read(ctx, topic, sarama.OffsetOldest, len(sent))
	if err != nil {
		return err
	}
	problems := []error{
		scenario.Expect("timestamp", at.UnixMilli(), back[0].Timestamp.UnixMilli()),
		scenario.Expect("the tombstone's value is null", true, back[1].Value == nil),
		scenario.Expect("the missing key is null", true, back[2].Key == nil),
		scenario.Expect("headers", len(wanted), len(back[0].Headers)),
	}
	for i, header := range back[0].Headers {
		if !bytes.Equal(header.Key, wanted[i].Key) || !bytes.Equal(header.Value, wanted[i].Value) {
			problems = append(problems, fmt.Errorf("header %d came back as %q, %q", i, header.Key, header.Value))
		}
	}
	return errors.Join(problems...)
}

func seekByTime(ctx context.Context, admin sarama.ClusterAdmin) error {
	const topic = "seek-by-time"
	if err := createTopic(admin, topic, 1); err != nil {
		return err
	}
	first := time.Now().UnixMilli() - 60_000
	sent := messages(topic, scenario.Records(10))
	for i, message := range sent {
		message.Timestamp = time.UnixMilli(first + int64(i)*1000)
	}
	if err := send(sent); err != nil {
		return err
	}
	client, err := sarama.NewClient([]string{run.Bootstrap}, config())
	if err != nil {
		return err
	}
	defer client.Close()
	var problems []error
	for _, wanted := range []struct{ after, offset int64 }{{-1000, 0}, {4500, 5}, {5000, 5}, {9001, -1}} {
		offset, err := client.GetOffset(topic, 0, first+wanted.after)
		what := fmt.Sprintf("offset after %d ms", wanted.after)
		problems = append(problems, err, scenario.Expect(what, wanted.offset, offset))
	}
	offset, err := client.GetOffset(topic, 0, first+4500)
	if err != nil {
		return err
	}
	back, err := read(ctx, topic, offset, 5)
	if err != nil {
		return err
	}
	return errors.Join(append(problems, scenario.Expect("first record", 5, back[0].Offset))...)
}
