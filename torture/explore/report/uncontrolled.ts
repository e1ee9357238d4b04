/** What is said where the same schedule on the same code does something else, and a new process is all that differs. */
export const UNCONTROLLED =
  'something that is not under control decides as well, such as what modules remember of executions before'
