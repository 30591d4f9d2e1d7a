/** What one step of a part came to. */
export interface PartStep {
  readonly step: string
  readonly result: 'passed' | 'failed' | 'not-offered'
  /** Whose lack it is when it was not offered. */
  readonly by?: 'client' | 'broker'
  readonly detail?: string
}

/** A part of the Java programs beyond the scenario that all clients take. */
export interface Part {
  readonly name: string
  /** Needs Kafka's tools, Streams and Connect beside the clients. */
  readonly ecosystem: boolean
}

export const parts: readonly Part[] = [
  { name: 'consumers', ecosystem: false },
  { name: 'admin', ecosystem: false }
]

/** The releases of the clients, and of the tools and frameworks: these come out later. */
export const releases: readonly { readonly clients: string; readonly ecosystem: string }[] = [
  { clients: '3.9.2', ecosystem: '3.9.2' },
  { clients: '4.4.0', ecosystem: '4.3.1' }
]
