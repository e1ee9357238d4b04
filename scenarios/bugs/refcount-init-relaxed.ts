import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'refcount-init-relaxed',
  title: 'an object of a type-safe slab has its first reference before it is complete',
  story: `A slot is freed, and becomes the next object: its key is written, and then its count is set to 1. A reader that
    found the slot before takes a reference and asks for the key. The store of the count must be a release, or it
    may be seen before the key, and the reader has the wrong object, or half of one, with a reference that is right.
    The mutant stores it relaxed. JavaScript has no such store: it takes the store buffers of torture explore
    --memory-model pso.`,
  source: 'refcount_set_release(), added for SLAB_TYPESAFE_BY_RCU objects: Linux, include/linux/refcount.h (2025)',
  scenarios: ['refcount'],
  site: 'refcount/init',
  oracle: 'GEN',
  hardness: 'X',
  memoryModel: 'pso',
  params: { slots: 1 },
})
