import {
  cargoProgram,
  goProgram,
  mavenProgram,
  nativeNpmProgram,
  npmProgram,
  pythonProgram,
  type Program
} from './toolchains.ts'

/** One client that takes the scenario. */
export interface Client {
  /** Names the client on the command line, its result file and its column. */
  readonly name: string
  /** Makes its program ready to run; throws ToolchainMissing where that cannot be done. */
  readonly prepare: () => Promise<Program>
  /** Configuration that tells two clients of one program apart. */
  readonly variant?: string
}

/** kafka-python 2.0 does not load in Python 3.12 and later. */
const pythonFor2 = ['3.11', '3.10', '3.9', '3.8']

/** Every client, in the order of the tables. A new language adds its way to `toolchains.ts`. */
export const clients: readonly Client[] = [
  { name: 'go-franz', prepare: () => goProgram('go-franz') },
  { name: 'go-sarama', prepare: () => goProgram('go-sarama') },
  { name: 'go-sarama-v1', variant: 'V1_0_0_0', prepare: () => goProgram('go-sarama') },
  { name: 'go-segmentio', prepare: () => goProgram('go-segmentio') },
  { name: 'python-confluent', prepare: () => pythonProgram('python-confluent') },
  { name: 'python-kafka', prepare: () => pythonProgram('python-kafka') },
  { name: 'python-kafka-2', prepare: () => pythonProgram('python-kafka-2', pythonFor2) },
  { name: 'python-aiokafka', prepare: () => pythonProgram('python-aiokafka') },
  { name: 'rust-rdkafka', prepare: () => cargoProgram('rust-rdkafka') },
  { name: 'node-kafka-node', prepare: () => npmProgram('node-kafka-node') },
  { name: 'node-rdkafka', prepare: () => nativeNpmProgram('node-rdkafka') },
  {
    name: 'node-confluent',
    prepare: () => nativeNpmProgram('node-confluent', { CKJS_LINKING: 'dynamic' })
  },
  { name: 'java-3.9', prepare: () => mavenProgram('java', '3.9.2') },
  { name: 'java-4.4', prepare: () => mavenProgram('java', '4.4.0') }
]
