/**
 * The disk behind the files: what a page holds that is not in memory. Reading and writing copy word by word, and take
 * their time where a scenario wants them to.
 */
import { objectAt } from '../../shm/arena.ts'
import { passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { DISK, DISK_DATA_AT } from '../layout.ts'
import { DATA_AT } from '../memory.ts'

const READ = site('disk/read')

/** Word of what the disk holds of a page of an object, given as number + 1; 0: it is no file. */
export function diskOf(k: Kernel, object: number, page: number): number {
  const { objects, disks } = k.image
  const file = object - 1 - (objects.length - disks.length)
  return file < 0 ? 0 : objectAt(disks[file], page)
}

export function isFile(k: Kernel, object: number): boolean {
  return object > k.image.objects.length - k.image.disks.length
}

/** Fills a locked page with what the disk holds. */
export function readDisk(k: Kernel, frame: number, disk: number): void {
  passSlow(READ, frame, disk)
  copy(k, disk + DISK_DATA_AT, k.frames.at(frame) + DATA_AT)
}

/** Others may write to the page meanwhile: each word reaches the disk as it is at some moment. */
export function writeDisk(k: Kernel, frame: number, disk: number): void {
  copy(k, k.frames.at(frame) + DATA_AT, disk + DISK_DATA_AT)
  Atomics.add(k.w, disk + DISK.writes, 1)
}

/** Number of the first word in which page and disk differ, or -1. */
export function differsFrom(k: Kernel, frame: number, disk: number): number {
  for (let n = 0; n < k.cpu.count; n++)
    if (Atomics.load(k.w, k.frames.at(frame) + DATA_AT + n) !== Atomics.load(k.w, disk + DISK_DATA_AT + n)) return n
  return -1
}

function copy(k: Kernel, from: number, to: number): void {
  for (let n = 0; n < k.cpu.count; n++) Atomics.store(k.w, to + n, Atomics.load(k.w, from + n))
}
