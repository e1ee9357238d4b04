/**
 * A node's number and a count of changes in one word, so that one compare-and-swap compares both: IBM's answer to ABA,
 * of the System/370 Principles of Operation. It is as good as the count is long: a thread that sleeps between its load
 * and its swap for exactly a multiple of 2^22 changes, and then finds the same node, is deceived. That is the price of
 * one word; two words and a double-width swap, which JavaScript does not have, put it off for centuries.
 */

/** Low bits of the word; so many less one is the largest number of a node. */
const NUMBER_BITS = 10
const NUMBER = (1 << NUMBER_BITS) - 1
const ONE_CHANGE = 1 << NUMBER_BITS

/** Most nodes that a word can tell apart. */
export const TAGGED_NODES_MAX = NUMBER

/** The node that a word names; 0: none. */
export const numberIn = (word: number): number => word & NUMBER

/** The word that names another node, one change later. */
export const changedTo = (word: number, number: number): number =>
  ((word + ONE_CHANGE) & ~NUMBER) | (number & NUMBER) | 0

/** The word that names another node without counting the change: what a structure must not do. */
export const replacedBy = (word: number, number: number): number => (word & ~NUMBER) | (number & NUMBER)
