/** The same, behind synckit. */
import { runAsWorker } from 'synckit'
import negate from './negate.mjs'

runAsWorker(async value => negate(value))
