/** The types of Kafka's ConfigDef that our configs use. */
export type ConfigType =
  'boolean' | 'double' | 'int' | 'list' | 'long' | 'password' | 'short' | 'string'

/** One config of a topic, a broker or a group, as `protocol/configs.json` defines it. */
export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  /** As text, the way DescribeConfigs prints it; null when there is none. */
  readonly defaultValue: string | null
  readonly min?: number
  readonly max?: number
  /** A number outside of `min` … `max` that has a meaning of its own. */
  readonly special?: number
  /** The only words that a string, or an element of a list, may be. */
  readonly words?: readonly string[]
  /** Of a topic config: the broker configs that hold its default, the strongest first. */
  readonly synonyms?: readonly ConfigSynonym[]
  /** Of a broker config: it can change while the broker runs. Absent: read-only. */
  readonly update?: 'cluster-wide'
  /** What it does, for DescribeConfigs with documentation (v3+). */
  readonly meaning: string
  /** `stored`: kept and shown, without effect. */
  readonly status: 'implemented' | 'stored'
}

export interface ConfigSynonym {
  readonly name: string
  /**
   * What a value of the broker config is multiplied by: 60000 for minutes that become milliseconds.
   */
  readonly factor: number
}
