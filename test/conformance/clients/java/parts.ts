/** What one step of a part came to. */
export interface PartStep {
  readonly step: string
  readonly result: 'passed' | 'failed' | 'not-offered'
  /** Whose lack it is when it was not offered. */
  readonly by?: 'client' | 'broker'
  readonly detail?: string
}

/** What one release made of a part. */
export interface PartResult {
  readonly part: string
  readonly version: string
  /** The day of the run, in UTC: 2026-11-22. */
  readonly date: string
  readonly steps: readonly PartStep[]
}

/** A part of the Java programs beyond the scenario that all clients take. */
export interface Part {
  readonly name: string
  /** What it is about, in Markdown. */
  readonly title: string
  /** Needs Kafka's tools, Streams and Connect beside the clients. */
  readonly ecosystem: boolean
}

export const parts: readonly Part[] = [
  { name: 'consumers', title: 'All that a consumer can do', ecosystem: false },
  { name: 'admin', title: 'Every method of `Admin`', ecosystem: false },
  { name: 'tools', title: '`kafka-topics.sh` and all the other tools', ecosystem: true },
  { name: 'streams', title: 'Kafka Streams', ecosystem: true },
  { name: 'connect', title: 'Kafka Connect', ecosystem: true }
]

/** The releases of the clients, and of the tools and frameworks: these come out later. */
export const releases: readonly { readonly clients: string; readonly ecosystem: string }[] = [
  { clients: '3.9.2', ecosystem: '3.9.2' },
  { clients: '4.4.0', ecosystem: '4.3.1' }
]

/** The file in `results` of one part and release. */
export function resultFile(part: string, version: string): string {
  return `${part}-${version}.json`
}
