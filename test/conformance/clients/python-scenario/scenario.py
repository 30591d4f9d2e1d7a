"""Reports the steps of a conformance program, one JSON line each, and asks the runner for what only
the runner can do. See the README of the folder above."""

import json
import os
import signal
import sys
import threading
import time
import traceback

STEP_TIMEOUT_S = 60


class NotOffered(Exception):
    """A step cannot be tried; `by` says whose lack that is."""

    def __init__(self, by, detail):
        super().__init__(detail)
        self.by = by


class Failure(Exception):
    """A step did not give what it should."""


def client_has_no(detail):
    return NotOffered("client", detail)


class Run:
    """One client's way through the scenario."""

    def __init__(self, client, version):
        self.bootstrap = os.environ["CONFORMANCE_BOOTSTRAP"]
        self._offered = set(os.environ.get("CONFORMANCE_OFFERED", "").split(","))
        self._print(client=client, version=version)

    def needs(self, *apis):
        """Ends a step as not offered when the broker lacks one of the APIs in its ApiVersions."""
        for api in apis:
            if api not in self._offered:
                raise NotOffered("broker", f"the broker does not offer {api}")

    def step(self, name, do):
        """Does one step, in the main thread, and reports how it went."""

        def too_long(*_):
            raise Failure("not in time")

        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(STEP_TIMEOUT_S)
        try:
            do()
            self._print(step=name, result="passed")
        except NotOffered as missing:
            self._print(step=name, result="not-offered", by=missing.by, detail=str(missing))
        except Exception as error:  # noqa: BLE001, whatever a client raises has failed the step
            frames = traceback.extract_tb(error.__traceback__)
            own = os.path.dirname(os.path.abspath(sys.argv[0]))
            where = [frame.lineno for frame in frames if os.path.dirname(frame.filename) == own]
            text = str(error) or repr(error)
            if not isinstance(error, Failure):
                text = f"{type(error).__name__}: {text} (lines {where} of the program)"
            self._print(step=name, result="failed", detail=text[:600])
        finally:
            signal.alarm(0)

    def kill_and_restart(self):
        """Has the broker killed (SIGKILL) and started again, and waits until it is ready."""
        self._print(ask="kill-restart")
        answer = sys.stdin.readline().strip()
        expect("the runner's answer", "restarted", answer)

    def produce_through_kill(self, produce):
        """Produces one value after the other, by `produce(value)` that raises when one is not
        acknowledged, while the broker is killed and started again. Returns the acknowledged."""
        acknowledged, failures, stop = [], [], threading.Event()

        def work():
            try:
                number = 0
                while not stop.is_set():
                    value = f"value-{number}".encode()
                    produce(value)
                    acknowledged.append(value)
                    number += 1
            except Exception as error:  # noqa: BLE001, told to the step below
                failures.append(error)

        def more(count):
            wanted = len(acknowledged) + count
            until(f"{wanted} acknowledged", lambda: failures or len(acknowledged) >= wanted)
            if failures:
                raise failures[0]

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        try:
            more(50)
            self.kill_and_restart()
            more(50)
        finally:
            stop.set()
            worker.join(20)
        return acknowledged

    def _print(self, **line):
        print(json.dumps(line), flush=True)


def records(count):
    """Different (key, value) pairs; the values have something in them to compress."""
    return [
        (f"key-{i}".encode(), f"value-{i}-{'all work and no play ' * (i % 20)}".encode())
        for i in range(count)
    ]


def expect(what, expected, actual):
    if expected != actual:
        raise Failure(f"{what}: expected {expected!r:.200}, got {actual!r:.200}")


def expect_same(sent, read):
    expect("records", len(sent), len(read))
    for index, (one, other) in enumerate(zip(sent, read)):
        expect(f"record {index}", one, other)


def expect_raises(what, text, do):
    """`do` raises an exception whose type or text contains `text`."""
    try:
        do()
    except Exception as error:  # noqa: BLE001, compared below
        if text in f"{type(error).__name__} {error}":
            return
        raise Failure(f"{what}: expected {text}, got {type(error).__name__} {error}") from error
    raise Failure(f"{what}: expected {text}, but nothing was raised")


def expect_none_lost(acknowledged, read):
    there = set(read)
    expect("acknowledged and lost", [], [value for value in acknowledged if value not in there][:10])


def until(what, condition):
    """Looks again and again until the condition holds; the step's own time limit ends it."""
    deadline = time.monotonic() + STEP_TIMEOUT_S - 5
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"not in time: {what}")
        time.sleep(0.05)


def now_ms():
    return int(time.time() * 1000)
