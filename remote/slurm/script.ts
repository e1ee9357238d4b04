/** The batch script: always the same. What differs from run to run it gets as arguments, which no shell reads again. */

/** As the script ends where the shared directory is not shared, and where Node is missing. */
export const EXIT_NO_FOLDER = 66
export const EXIT_NO_NODE = 69

export const SCRIPT = `#!/bin/sh
# One task of a run of torture. $1: Node; $2: the agent; $3: the folder of the array.
[ -f "$2" ] && [ -d "$3" ] || exit ${EXIT_NO_FOLDER}
[ -x "$1" ] || exit ${EXIT_NO_NODE}
unset NODE_OPTIONS
cd "$3" || exit ${EXIT_NO_FOLDER}
exec "$1" "$2" task "$3" "$SLURM_ARRAY_TASK_ID" "\${SLURM_RESTART_COUNT:-0}" "\${SLURMD_NODENAME:-$(uname -n)}" \\
  >> "task-$SLURM_ARRAY_TASK_ID.log" 2>&1 < /dev/null
`
