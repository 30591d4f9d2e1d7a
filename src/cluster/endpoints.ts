import { assert } from '../base/assert.ts'

/** Where clients reach a broker. */
export interface Endpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

/** The addresses of this broker that clients are told, one for each listener. */
export class Endpoints {
  readonly #nodeId: number
  readonly #byListener = new Map<string, Endpoint>()

  constructor(nodeId: number) {
    this.#nodeId = nodeId
  }

  set(listenerName: string, host: string, port: number): void {
    this.#byListener.set(listenerName, { nodeId: this.#nodeId, host, port })
  }

  /** What a client that came in on this listener is told. */
  for(listenerName: string): Endpoint {
    const endpoint = this.#byListener.get(listenerName)
    assert(endpoint !== undefined, `the listener ${listenerName} has an advertised endpoint`)
    return endpoint
  }
}
