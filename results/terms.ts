/** Words of which the validators of stored data are made. */
import * as v from 'valibot'
import { SCHEMA } from './version.ts'

/** Words for the JSON schema, beside the field that they explain. */
export const about = <S extends v.GenericSchema>(text: string, schema: S) => v.pipe(schema, v.description(text))

export const version = v.literal(SCHEMA)
export const count = v.pipe(v.number(), v.minValue(0))
export const whole = v.pipe(v.number(), v.integer(), v.minValue(0))
export const seed = v.pipe(v.number(), v.integer())
export const time = about('UTC, ISO 8601', v.pipe(v.string(), v.isoTimestamp()))
export const text = v.pipe(v.string(), v.maxLength(1 << 20))
export const counts = v.record(v.string(), v.number())
const paramValue = v.union([v.number(), v.string(), v.boolean()])
export const params = v.record(v.string(), paramValue)
