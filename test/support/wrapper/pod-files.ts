import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Names and texts; undefined takes a file away. */
export type Files = Readonly<Record<string, string | undefined>>

/**
 * A projected volume, written as kubelet's AtomicWriter does it: files are symlinks through `..data`, which points to a
 * timestamped folder and is switched by a rename.
 * https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/volume/util/atomic_writer.go
 */
export class PodFiles {
  readonly path: string
  #files: Record<string, string> = {}
  #version = 0

  constructor(path: string) {
    this.path = path
    mkdirSync(path, { mode: 0o755 })
  }

  /** Switches, in one step, to the present files with these changes. */
  update(changes: Files): void {
    for (const [name, text] of Object.entries(changes)) {
      if (text === undefined) delete this.#files[name]
      else this.#files[name] = text
    }
    const folder = `..2026_01_01_00_00_00.${this.#version++}`
    mkdirSync(join(this.path, folder), { mode: 0o755 })
    for (const [name, text] of Object.entries(this.#files)) writeFileSync(join(this.path, folder, name), text)

    const data = join(this.path, '..data')
    const before = this.#version > 1 ? readlinkSync(data) : undefined
    symlinkSync(folder, `${data}_tmp`)
    renameSync(`${data}_tmp`, data)

    const visible = new Set(readdirSync(this.path).filter((name) => !name.startsWith('..')))
    for (const name of Object.keys(this.#files)) {
      if (!visible.delete(name)) symlinkSync(join('..data', name), join(this.path, name))
    }
    for (const gone of visible) rmSync(join(this.path, gone))
    if (before !== undefined) rmSync(join(this.path, before), { recursive: true })
  }
}
