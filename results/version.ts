/**
 * The version of every stored file, in its `schema`. A reader that meets another number says so and skips the file.
 * A field may be added under the same number; a field that changes its meaning or goes away takes the next one.
 */
export const SCHEMA = 1
