/** What the tests of tearing have in common: the reader tells what it saw in one digit. */
import { acceptable, type Outcomes } from '../../torture/scenario.ts'

/** 0: the value before, 1: the one that is written, 2: neither. */
export function seen<V extends number | bigint>(value: V, before: V, written: V): number {
  return value === before ? 0 : value === written ? 1 : 2
}

export const OLD: Outcomes = { '0': acceptable('the reader came first') }
export const TORN = '2'
