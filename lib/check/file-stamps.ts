/**
 * DATA oracle for files: each thread has its own word in every page of a file, and in every private copy of one, and
 * remembers what it wrote. A shared mapping must show what the thread wrote to the file last, whatever became of the page
 * meanwhile: unmapped, written to the disk, dropped, read again. A private mapping shows one of two things:
 *
 * - what the thread wrote to the copy, if it has and the copy was not dropped since;
 * - else the file as it was when the copy was made, or as it is if there is no copy. What is not what the file holds is a
 *   copy, and does not change any more. It may be older than what was read before: whoever makes a copy does so first,
 *   and puts it in the place of the file's page later, as long as that is still, or again, mapped there.
 *
 * Numbers grow, so that older and newer can be told; those written to copies carry a mark. Of drops is known what
 * `Stamps` knows of them.
 */
import { PAGE_LOG } from '../mm/layout.ts'
import type { Task } from '../mm/task.ts'
import { violated } from './oracle.ts'

const NUMBER = 0x1fffffff
const COPY = 0x20000000

/** One thread's memory of its words in one file, and in its private copies in each address space. */
export class FileStamps {
  readonly #task: Task
  readonly #word: number
  readonly #pages: number
  /** What it wrote to each page of the file last. */
  readonly #file: Int32Array
  /** Of each page of each address space: what was seen or written last, and what the file's page held then. */
  readonly #last: Int32Array
  readonly #fileThen: Int32Array
  /** As in `Stamps`: drops begun before the last access if none was under way, else -1; begun by its end. */
  readonly #settled: Int32Array
  readonly #begun: Int32Array
  #next = 0

  /** @param filePages pages of the file */
  constructor(task: Task, filePages: number) {
    this.#task = task
    this.#word = task.k.cpu.id
    this.#pages = task.mm.pages
    const all = task.k.mms.length * this.#pages
    this.#file = new Int32Array(filePages)
    this.#last = new Int32Array(all)
    this.#fileThen = new Int32Array(all)
    this.#settled = new Int32Array(all)
    this.#begun = new Int32Array(all)
  }

  /** Reads and perhaps writes page `page` of the file through a shared mapping at `vpn`. Returns the FAULT_ code. */
  touchShared(vpn: number, page: number, write: boolean): number {
    const task = this.#task
    const { w } = task.k
    const data = task.access(vpn, write)
    if (data < 0) return -data
    const seen = Atomics.load(w, data + this.#word)
    const expected = this.#file[page]
    if (write) {
      this.#file[page] = this.#number()
      Atomics.store(w, data + this.#word, this.#file[page])
    }
    task.accessed(vpn)
    if (seen !== expected)
      violated('DATA', `page ${page} of the file: cpu ${this.#word} wrote ${expected}, and now it holds ${seen}`)
    return 0
  }

  /** The same through a private mapping. */
  touchPrivate(vpn: number, page: number, write: boolean): number {
    const task = this.#task
    const { w } = task.k
    const at = task.home * this.#pages + vpn
    const log = task.mm.log(vpn, 0)
    const begunBefore = Atomics.load(w, log + PAGE_LOG.zap_begun)
    const endedBefore = Atomics.load(w, log + PAGE_LOG.zap_ended)
    const data = task.access(vpn, write)
    if (data < 0) return -data
    const seen = Atomics.load(w, data + this.#word)
    let value = seen
    if (write) {
      value = this.#number() | COPY
      Atomics.store(w, data + this.#word, value)
    }
    task.accessed(vpn)
    const begunAfter = Atomics.load(w, log + PAGE_LOG.zap_begun)
    const mayHaveDropped = begunAfter !== this.#settled[at]
    const wasDropped = endedBefore > this.#begun[at]
    if (!(!wasDropped && this.#continues(at, page, seen)) && !(mayHaveDropped && this.#wasFile(page, seen)))
      this.#wrong(at, vpn, page, seen, wasDropped ? 'was dropped since' : mayHaveDropped ? '' : 'was never dropped')
    this.#last[at] = value
    this.#fileThen[at] = this.#file[page]
    this.#settled[at] = begunBefore === endedBefore ? begunBefore : -1
    this.#begun[at] = begunAfter
    return 0
  }

  /** Whether the page may hold this if it was not dropped since the last access. */
  #continues(at: number, page: number, seen: number): boolean {
    const last = this.#last[at]
    return seen === last || (last === this.#fileThen[at] && this.#wasFile(page, seen))
  }

  /** Whether the file may have held this some time. */
  #wasFile(page: number, seen: number): boolean {
    return seen <= this.#file[page]
  }

  #number(): number {
    this.#next = (this.#next + 1) & NUMBER || 1
    return this.#next
  }

  #wrong(at: number, vpn: number, page: number, seen: number, why: string): never {
    const name = (value: number) => (value & COPY ? `${value & NUMBER} of a copy` : `${value} of the file`)
    violated(
      'DATA',
      `page ${vpn} of mm ${this.#task.home}, private, page ${page} of the file: cpu ${this.#word} had ${name(this.#last[at])} there, ` +
        `the page ${why}, and now it holds ${name(seen)}`,
      { fileThen: this.#fileThen[at], file: this.#file[page] },
    )
  }
}
