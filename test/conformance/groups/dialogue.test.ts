import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { Dialogue } from './dialogue.ts'
import { life, offsets, others, prepare, strangers } from './script.ts'

// What Apache Kafka answers is on record. To record it anew: start it with
// `tsx scripts/oracle/main.ts start --version 4.2.0 --property group.initial.rebalance.delay.ms=0`
// and run this test with its address in ODRADEK_TEST_BOOTSTRAP and RECORD_GROUPS=1.
const record = fileURLToPath(new URL('kafka-4.2.0.txt', import.meta.url))
const broker = useBroker()

test('groups and offsets are answered for as by Apache Kafka 4.2, code by code', async () => {
  const talk = new Dialogue(broker.bootstrapServers)
  await prepare(talk)
  for (const part of [strangers, offsets, life, others]) await part(talk)
  await talk.close()
  if (process.env['RECORD_GROUPS'] === '1') writeFileSync(record, `${talk.lines.join('\n')}\n`)
  expect(talk.lines).toEqual(readFileSync(record, 'utf8').trimEnd().split('\n'))
})
