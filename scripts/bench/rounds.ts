import type { BrokerProcess, Durability } from './broker-process.ts'
import { busyShare, isBusy } from './machine.ts'
import { recyclePages } from './page-cache.ts'
import type { Bench, ContenderName, ContenderRuns, Sample } from './workload.ts'

/** Runs before the measured ones: a virtual machine and its compilers must have seen the work. */
const warmUpRuns = 2

export interface Contender {
  readonly name: ContenderName
  run(): Promise<Sample>
}

/**
 * Runs contenders in turn, A B A B, so that a machine whose speed drifts is the same for both.
 *
 * @param newMegabytes what a run writes: that much memory is made ready before it
 */
export async function interleaved(
  bench: Bench,
  contenders: readonly Contender[],
  newMegabytes: number
): Promise<readonly ContenderRuns[]> {
  const samples: Sample[][] = contenders.map(() => [])
  for (let round = -warmUpRuns; round < bench.runs; round++) {
    for (const [index, contender] of contenders.entries()) {
      recyclePages(newMegabytes)
      const busy = await busyShare()
      if (round >= 0 && isBusy(busy)) {
        bench.say(`the machine is busy: ${Math.round(busy! * 100)} % before ${contender.name}`)
      }
      const sample = await contender.run()
      if (round >= 0) samples[index]!.push({ ...sample, busyShare: busy })
    }
  }
  return contenders.map(({ name }, index) => ({ contender: name, samples: samples[index]! }))
}

/** The brokers that a workload compares, each with a run that is given the broker. */
export async function ofBrokers(
  bench: Bench,
  durability: Durability,
  run: (broker: BrokerProcess) => Promise<Sample>
): Promise<readonly Contender[]> {
  const names = bench.besideKafka ? (['odradek', 'Apache Kafka'] as const) : (['odradek'] as const)
  const contenders: Contender[] = []
  for (const name of names) {
    const broker = await bench.brokers.of(name, durability)
    contenders.push({ name, run: () => run(broker) })
  }
  return contenders
}

/** CPU of a broker while something runs, ms; null where the system does not tell. */
export async function withCpu<T>(
  broker: BrokerProcess,
  work: () => Promise<T>
): Promise<{ readonly value: T; readonly cpuMs: number | null }> {
  const before = broker.cpuSeconds()
  const value = await work()
  const after = broker.cpuSeconds()
  return { value, cpuMs: before === null || after === null ? null : (after - before) * 1000 }
}

/** A quantity of CPU by what it was spent on. */
export function per(cpuMs: number | null, count: number): number | null {
  return cpuMs === null ? null : cpuMs / count
}
