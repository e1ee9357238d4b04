/**
 * The server has no case for a connection that is being closed: no client is as quick as that.
 *
 * 1. The client opens, and the server sees it before the client gives up.
 * 2. The server says that the connection is open, and the client sees it before the server looks again.
 * 3. The client closes, before the server looks again. What it finds it does not know.
 *
 * Three switches at three places, in this order: who seldom switches, or draws the places, seldom gets them all.
 *
 * Source: the state machines of drivers, where a device that is unplugged while it is probed is the usual case; its
 * shape is that of a bug of depth 3 in S. Burckhardt et al., ASPLOS 2010.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { connection, OPEN } from '../three-switches.ts'

export default defineScenario({
  name: 'three-switches-bad',
  summary: 'a connection that is closed before its server has looked at it once, which the server does not expect',
  tags: ['bad'],
  ...connection([OPEN]), // wrong: CLOSING is missing
})
