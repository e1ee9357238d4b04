/**
 * To be spawned as `env …`. The test runner adds its loader to every Node child. What is tested is plain Node; and in a
 * guest the loader's threads would be paused with the others when the stacks of a hang are taken.
 */
export const plainNode = ['-u', 'NODE_OPTIONS', process.execPath]
