// Package scenario reports the steps of a conformance program, one JSON line each, and asks the
// runner for what only the runner can do. See the README of the folder above.
package scenario

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

const stepTimeout = 60 * time.Second

// Run is one client's way through the scenario.
type Run struct {
	Bootstrap string
	Variant   string
	offered   map[string]bool
	answers   *bufio.Reader
	output    sync.Mutex
}

// notOffered is why a step could not be tried, and whose lack that is: "client" or "broker".
type notOffered struct{ by, detail string }

func (n notOffered) Error() string { return n.detail }

// ClientHasNo ends a step as not offered by the client.
func ClientHasNo(detail string) error { return notOffered{"client", detail} }

// Begin reads what the runner says in the environment and introduces the client.
func Begin(client, module string) *Run {
	run := &Run{
		Bootstrap: os.Getenv("CONFORMANCE_BOOTSTRAP"),
		Variant:   os.Getenv("CONFORMANCE_VARIANT"),
		offered:   map[string]bool{},
		answers:   bufio.NewReader(os.Stdin),
	}
	for name := range strings.SplitSeq(os.Getenv("CONFORMANCE_OFFERED"), ",") {
		run.offered[name] = true
	}
	run.print(map[string]string{"client": client, "version": moduleVersion(module)})
	return run
}

func moduleVersion(path string) string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == path {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "unknown"
}

// Needs ends a step as not offered by the broker when one of the APIs is not in its ApiVersions.
func (r *Run) Needs(apis ...string) error {
	for _, api := range apis {
		if !r.offered[api] {
			return notOffered{"broker", "the broker does not offer " + api}
		}
	}
	return nil
}

// Step does one step and reports how it went. A step that panics or hangs has failed.
func (r *Run) Step(name string, do func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if panicked := recover(); panicked != nil {
				done <- fmt.Errorf("panic: %v", panicked)
			}
		}()
		done <- do(ctx)
	}()
	var err error
	select {
	case err = <-done:
	case <-time.After(stepTimeout + 5*time.Second):
		err = errors.New("it hangs")
	}
	report := map[string]string{"step": name, "result": "passed"}
	var missing notOffered
	if errors.As(err, &missing) {
		report["result"], report["by"], report["detail"] = "not-offered", missing.by, missing.detail
	} else if err != nil {
		report["result"], report["detail"] = "failed", err.Error()
	}
	r.print(report)
}

// KillAndRestart has the broker killed (SIGKILL) and started again, and waits until it is ready.
func (r *Run) KillAndRestart() error {
	r.print(map[string]string{"ask": "kill-restart"})
	answer, err := r.answers.ReadString('\n')
	if err != nil || strings.TrimSpace(answer) != "restarted" {
		return fmt.Errorf("the runner answered %q, %v", answer, err)
	}
	return nil
}

func (r *Run) print(line map[string]string) {
	text, _ := json.Marshal(line)
	r.output.Lock()
	defer r.output.Unlock()
	fmt.Println(string(text))
}

// Record is what every client can carry.
type Record struct{ Key, Value string }

// Records are `count` different records; their values have something in them to compress.
func Records(count int) []Record {
	records := make([]Record, count)
	for i := range records {
		value := fmt.Sprintf("value-%d-%s", i, strings.Repeat("all work and no play ", i%20))
		records[i] = Record{fmt.Sprintf("key-%d", i), value}
	}
	return records
}

// Same compares what was read with what was sent, in order.
func Same(sent, read []Record) error {
	if len(sent) != len(read) {
		return fmt.Errorf("%d records sent, %d read", len(sent), len(read))
	}
	for i := range sent {
		if sent[i] != read[i] {
			return fmt.Errorf("record %d: sent %.80v, read %.80v", i, sent[i], read[i])
		}
	}
	return nil
}

// Expect is nil when two values are the same, else an error that names them.
func Expect[T comparable](what string, expected, actual T) error {
	if expected == actual {
		return nil
	}
	return fmt.Errorf("%s: expected %v, got %v", what, expected, actual)
}

// ExpectError is nil when an error's text names the expected one.
func ExpectError(what, expected string, actual error) error {
	if actual != nil && strings.Contains(actual.Error(), expected) {
		return nil
	}
	return fmt.Errorf("%s: expected the error %q, got %v", what, expected, actual)
}

// Until asks again and again until the condition holds or the step's time is over.
func Until(ctx context.Context, what string, condition func() (bool, error)) error {
	for {
		met, err := condition()
		if met && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not in time: %s (%v)", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Lost are the acknowledged values that were not read.
func Lost(acknowledged, read []string) []string {
	there := map[string]bool{}
	for _, value := range read {
		there[value] = true
	}
	var lost []string
	for _, value := range acknowledged {
		if !there[value] {
			lost = append(lost, value)
		}
	}
	return lost
}

// ExpectIs is nil when an error is the expected one or wraps it.
func ExpectIs(what string, expected, actual error) error {
	if errors.Is(actual, expected) {
		return nil
	}
	return fmt.Errorf("%s: expected the error %q, got %v", what, expected, actual)
}

// Values are the values of records.
func Values(records []Record) []string {
	var values []string
	for _, record := range records {
		values = append(values, record.Value)
	}
	return values
}

// ProduceThroughKill produces one record after the other, with `produce`, while the broker is
// killed and started again, and returns the values that were acknowledged.
func (r *Run) ProduceThroughKill(ctx context.Context, produce func(value string) error) ([]string, error) {
	var acknowledged []string
	var lock sync.Mutex
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			value := fmt.Sprintf("value-%d", i)
			if err := produce(value); err != nil {
				ended <- err
				return
			}
			lock.Lock()
			acknowledged = append(acknowledged, value)
			lock.Unlock()
		}
	}()
	count := func() int {
		lock.Lock()
		defer lock.Unlock()
		return len(acknowledged)
	}
	more := func(wanted int) error {
		wanted += count()
		return Until(ctx, fmt.Sprintf("%d acknowledged", wanted), func() (bool, error) {
			select {
			case err := <-ended:
				ended <- err
				return false, fmt.Errorf("produce: %w", err)
			default:
				return count() >= wanted, nil
			}
		})
	}
	err := more(50)
	if err == nil {
		err = r.KillAndRestart()
	}
	if err == nil {
		err = more(50)
	}
	close(stop)
	return acknowledged, errors.Join(err, <-ended)
}
