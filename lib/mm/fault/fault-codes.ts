/** What a fault answers, and what it is told: the words between the handlers and those who call them. */

/** Handled, or there was nothing to do: try the access again. */
export const FAULT_OK = 0
/** No VMA, or one that forbids the access. */
export const FAULT_SEGV = 1
/** No frame or no page table was to be had. */
export const FAULT_OOM = 2
/** The lock had to be dropped, and was: start again. */
export const FAULT_RETRY = 3

/** Handled, and the lock is gone already: do not unlock. */
export const FAULT_COMPLETED = 4

/** The OOM reaper takes the address space's pages away: its threads have nothing to hope for. */
export const FAULT_SIGBUS = 5

/** Flags of a fault: may answer FAULT_RETRY; has done so already; only this VMA is locked, its neighbours are not. */
export const ALLOW_RETRY = 1
export const TRIED = 2
export const UNDER_VMA_LOCK = 4
/** It is to be read, and must be this address space's own nevertheless; it is written to although the VMA forbids it. */
export const UNSHARE = 8
export const FORCED = 16
