/** Models of the usual structures, ready made. */
export { map, set } from './models/collections.ts'
export { mutex, semaphore } from './models/locks.ts'
export { casRegister, counter, register } from './models/register.ts'
export { deque, queue, type SequenceOptions, stack } from './models/sequences.ts'
