/**
 * What lies where on a host. Everything of ours is below one directory that holds our marker:
 *
 *     .torture-host        the marker: without it nothing here is ours
 *     bundles/<hash>/      what runs execute; a name with a leading dot is one that is still arriving
 *     node/<name>/         Node binaries that were shipped
 *     runs/<run>/          what an agent keeps of its run
 */
export const MARKER = '.torture-host'
export const MARKER_VERSION = 1
export const DEFAULT_DIRECTORY = '.torture'

export const BUNDLES = 'bundles'
export const NODES = 'node'
export const RUNS = 'runs'

/** In the folder of a run: which process is its agent, as `thisRunner()` of results/process.ts says it. */
export const AGENT_FILE = 'agent.json'
