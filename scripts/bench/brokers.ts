import { startContender, type BrokerProcess, type Durability } from './broker-process.ts'

type BrokerName = 'odradek' | 'Apache Kafka'

/** The brokers that run now: all in one durability mode, each started when it is first needed. */
export class Brokers {
  #durability: Durability = 'os'
  readonly #running = new Map<BrokerName, BrokerProcess>()

  async of(name: BrokerName, durability: Durability): Promise<BrokerProcess> {
    if (durability !== this.#durability) await this.stop()
    this.#durability = durability
    const running = this.#running.get(name)
    if (running !== undefined) return running
    const started = await startContender(name, durability)
    this.#running.set(name, started)
    return started
  }

  /** Stops them all, so that what comes next has the machine for itself. */
  async stop(): Promise<void> {
    const running = [...this.#running.values()]
    this.#running.clear()
    for (const broker of running) await broker.stop()
  }
}
