/** A task of the pool. */
export default value => {
  if (value % 7 === 0) throw new Error('seven')
  return -value
}
