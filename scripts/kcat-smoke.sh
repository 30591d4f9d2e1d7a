#!/usr/bin/env bash
# kcat (librdkafka) against a broker: every codec, keys, headers, tombstones, offsets by time, groups, idempotence,
# transactions and 100,000 messages with equal checksums. One PASS or FAIL line for each check; ends with 1 if any failed.
#
#   scripts/kcat-smoke.sh [--transactions] [bootstrap]
#
# Without an address: a fresh broker from dist/cli.cjs on a free port. Transactions are checked when asked for.
set -u -o pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
run=$(date +%s)-$$
broker_pid=
failures=0

clean_up() {
  if [ -n "$broker_pid" ]; then
    kill -TERM "$broker_pid" 2>/dev/null
    wait "$broker_pid" 2>/dev/null
  fi
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

start_broker() {
  node "$here/dist/cli.cjs" start --data-dir "$work/data" --listen 127.0.0.1:0 >"$work/broker.out" 2>"$work/broker.err" &
  broker_pid=$!
  local deadline=$((SECONDS + 120))
  while [ "$SECONDS" -lt "$deadline" ]; do
    bootstrap=$(grep -oE '127\.0\.0\.1:[1-9][0-9]*' "$work/broker.out" | head -n 1)
    [ -n "$bootstrap" ] && return 0
    kill -0 "$broker_pid" 2>/dev/null || break
    sleep 0.1
  done
  echo 'FAIL the broker did not start' >&2
  cat "$work/broker.out" "$work/broker.err" >&2
  exit 1
}

# Time limits are for a broker that hangs; nothing here is about speed.
kc() { timeout 120 kcat -b "$bootstrap" "$@" 2>>"$work/kcat.err"; }
topic() { echo "kcat-smoke-$1-$run"; }

check() { # name command...
  local name=$1
  shift
  : >"$work/kcat.err"
  if "$@"; then
    echo "PASS $name"
  else
    echo "FAIL $name"
    sed 's/^/     /' "$work/kcat.err" | tail -n 5
    failures=$((failures + 1))
  fi
}

equal() { # expected actual
  [ "$1" = "$2" ] && return 0
  printf '     expected: %s\n     but was:  %s\n' "${1:0:300}" "${2:0:300}"
  return 1
}

lists_the_broker() {
  local t
  t=$(topic listed)
  echo x | kc -P -t "$t" || return 1
  kc -L | grep -q "broker [0-9]* at $bootstrap" || return 1
  kc -L -t "$t" | grep -q "partition 0, leader [0-9]*, replicas: [0-9]*, isrs: [0-9]*"
}

round_trip() { # codec
  local t
  t=$(topic "codec-$1")
  seq 1 2000 | sed "s/.*/key-&:value & of a line that compresses well, well, well, well/" >"$work/sent"
  kc -P -t "$t" -K : -z "$1" <"$work/sent" || return 1
  kc -C -t "$t" -e -q -K : -X check.crcs=true >"$work/received" || return 1
  equal "$(md5sum <"$work/sent")" "$(md5sum <"$work/received")"
}

codecs_share_a_partition() {
  local t codec
  t=$(topic mixed)
  for codec in none gzip snappy lz4 zstd; do echo "$codec" | kc -P -t "$t" -z "$codec" || return 1; done
  equal 'none gzip snappy lz4 zstd' "$(kc -C -t "$t" -e -q | paste -sd ' ')"
}

keys_and_partitions() {
  local t
  t=$(topic keys)
  printf 'a=1\nb=2\n=3\n' | kc -P -t "$t" -K = -p 0 || return 1
  equal '0/0 a 1|0/1 b 2|0/2  3' "$(kc -C -t "$t" -e -q -f '%p/%o %k %s\n' | paste -sd '|')"
}

headers() {
  local t
  t=$(topic headers)
  echo value | kc -P -t "$t" -H first=1 -H second='two words' -H empty= -H first=again || return 1
  equal 'first=1,second=two words,empty=,first=again value' "$(kc -C -t "$t" -e -q -f '%h %s\n')"
}

tombstones() {
  local t
  t=$(topic tombstones)
  printf 'gone:\nkept:x\n' | kc -P -t "$t" -K : -Z || return 1
  equal 'gone -1|kept 1' "$(kc -C -t "$t" -e -q -f '%k %S\n' | paste -sd '|')"
}

offsets() {
  local t
  t=$(topic offsets)
  seq 0 9 | kc -P -t "$t" || return 1
  equal '0 1 2 3 4 5 6 7 8 9' "$(kc -C -t "$t" -p 0 -o beginning -e -q | paste -sd ' ')" || return 1
  equal '6 7 8 9' "$(kc -C -t "$t" -p 0 -o 6 -e -q | paste -sd ' ')" || return 1
  equal '7 8 9' "$(kc -C -t "$t" -p 0 -o -3 -e -q | paste -sd ' ')" || return 1
  equal '' "$(kc -C -t "$t" -p 0 -o end -e -q)" || return 1
  equal '3 4' "$(kc -C -t "$t" -p 0 -o 3 -c 2 -q | paste -sd ' ')"
}

offsets_by_time() {
  local t second later
  t=$(topic times)
  echo first | kc -P -t "$t" || return 1
  # The next message must be of a later millisecond; nothing else is waited for.
  sleep 0.05
  echo second | kc -P -t "$t" || return 1
  second=$(kc -C -t "$t" -p 0 -o 1 -c 1 -q -f '%T') || return 1
  later=$((second + 1000))
  equal 'second' "$(kc -C -t "$t" -p 0 -o "s@$second" -e -q)" || return 1
  equal 'first second' "$(kc -C -t "$t" -p 0 -o s@1 -e -q | paste -sd ' ')" || return 1
  equal 'first' "$(kc -C -t "$t" -p 0 -o s@1 -o "e@$second" -q | paste -sd ' ')" || return 1
  equal "$t [0] offset 1" "$(kc -Q -t "$t:0:$second")" || return 1
  equal "$t [0] offset 0" "$(kc -Q -t "$t:0:1")" || return 1
  equal "$t [0] offset 2" "$(kc -Q -t "$t:0:-1")" || return 1
  equal "$t [0] offset 0" "$(kc -Q -t "$t:0:-2")" || return 1
  # After the last message: no offset at all, which kcat shows as -1 (end).
  equal "$t [0] offset -1" "$(kc -Q -t "$t:0:$later")"
}

balanced() {
  local t group=(-G "kcat-smoke-$run" -X auto.offset.reset=earliest -q)
  t=$(topic balanced)
  seq 1 100 | kc -P -t "$t" || return 1
  equal "$(seq 1 60 | paste -sd ' ')" "$(kc "${group[@]}" -c 60 "$t" | paste -sd ' ')" || return 1
  # The group goes on where it has committed.
  equal "$(seq 61 100 | paste -sd ' ')" "$(kc "${group[@]}" -e "$t" | paste -sd ' ')"
}

balanced_together() {
  local t a b group=(-G "kcat-smoke-together-$run" -X auto.offset.reset=earliest -q -u)
  t=$(topic together)
  seq 1 500 | kc -P -t "$t" || return 1
  timeout 90 kcat -b "$bootstrap" "${group[@]}" "$t" >"$work/a" 2>>"$work/kcat.err" &
  a=$!
  timeout 90 kcat -b "$bootstrap" "${group[@]}" "$t" >"$work/b" 2>>"$work/kcat.err" &
  b=$!
  local deadline=$((SECONDS + 80))
  while [ "$(sort -un "$work/a" "$work/b" | wc -l)" -lt 500 ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
  kill "$a" "$b" 2>/dev/null
  wait "$a" "$b" 2>/dev/null
  equal "$(seq 1 500 | md5sum)" "$(sort -un "$work/a" "$work/b" | md5sum)"
}

cooperative() {
  local t
  t=$(topic cooperative)
  seq 1 10 | kc -P -t "$t" || return 1
  equal "$(seq 1 10 | paste -sd ' ')" "$(kc -G "kcat-smoke-coop-$run" -X auto.offset.reset=earliest \
    -X partition.assignment.strategy=cooperative-sticky -e -q "$t" | paste -sd ' ')"
}

static_member() {
  local t
  t=$(topic static)
  seq 1 10 | kc -P -t "$t" || return 1
  local member=(-G "kcat-smoke-static-$run" -X group.instance.id=one -X auto.offset.reset=earliest -q)
  equal '1 2 3' "$(kc "${member[@]}" -c 3 "$t" | paste -sd ' ')" || return 1
  equal '4 5 6 7 8 9 10' "$(kc "${member[@]}" -e "$t" | paste -sd ' ')"
}

idempotent() { # count
  local t
  t=$(topic "idempotent-$1")
  seq 1 "$1" | sed 's/$/ of the messages of an idempotent producer/' >"$work/sent"
  kc -P -t "$t" -X enable.idempotence=true <"$work/sent" || return 1
  kc -C -t "$t" -e -q >"$work/received" || return 1
  equal "$(md5sum <"$work/sent")" "$(md5sum <"$work/received")"
}

acks() { # acks
  local t
  t=$(topic "acks-$1")
  seq 1 100 | kc -P -t "$t" -X acks="$1" || return 1
  equal "$(seq 1 100 | md5sum)" "$(kc -C -t "$t" -c 100 -q | md5sum)"
}

transactional() {
  local t
  t=$(topic transactional)
  seq 1 100 | kc -P -t "$t" -X transactional.id="kcat-smoke-$run" || return 1
  equal "$(seq 1 100 | md5sum)" "$(kc -C -t "$t" -e -q | md5sum)" || return 1
  # The commit marker takes an offset of its own and is shown to nobody.
  equal "$t [0] offset 101" "$(kc -Q -t "$t:0:-1")"
}

large_message() {
  local t
  t=$(topic large)
  head -c 675000 /dev/urandom | base64 -w 0 >"$work/sent"
  kc -P -t "$t" "$work/sent" || return 1
  equal "$(md5sum <"$work/sent")" "$(kc -C -t "$t" -c 1 -q -D '' | md5sum)"
}

too_large_message() {
  local t
  t=$(topic too-large)
  head -c 1500000 /dev/zero | tr '\0' 'x' >"$work/sent"
  kc -P -t "$t" -X message.max.bytes=4000000 "$work/sent" && return 1
  grep -q 'Message size too large' "$work/kcat.err"
}

unknown_topic() {
  kc -C -t "$(topic missing)" -e -q -X allow.auto.create.topics=false && return 1
  grep -q 'Unknown topic or partition' "$work/kcat.err"
}

command -v kcat >/dev/null || {
  echo 'FAIL kcat is not installed' >&2
  exit 1
}
transactions=
if [ "${1:-}" = --transactions ]; then
  transactions=yes
  shift
fi
bootstrap=${1:-}
[ -n "$bootstrap" ] || start_broker

check '-L lists broker, topic and partition' lists_the_broker
for codec in none gzip snappy lz4 zstd; do
  check "2,000 keyed messages come back with codec $codec" round_trip "$codec"
done
check 'batches of all codecs stand in one partition' codecs_share_a_partition
check 'keys and partitions are kept' keys_and_partitions
check 'headers are kept, empty and repeated ones too' headers
check 'a tombstone is a null value' tombstones
check 'consuming from the beginning, an offset, the tail and the end' offsets
check 'offsets by time (-Q, s@, e@)' offsets_by_time
check 'a balanced consumer commits and goes on there' balanced
check 'two balanced consumers read everything together' balanced_together
check 'the cooperative-sticky assignor works' cooperative
check 'a static member comes back' static_member
for level in 0 1 all; do
  check "acks=$level" acks "$level"
done
check '100,000 idempotent messages have an equal checksum' idempotent 100000
[ -n "$transactions" ] && check 'a transaction is committed' transactional
check 'a message of 900 KB comes back whole' large_message
check 'a message that is too large is refused' too_large_message
check 'an unknown topic is an error when it may not be created' unknown_topic

if [ "$failures" -gt 0 ]; then
  echo "$failures checks failed"
  exit 1
fi
echo 'all checks passed'
