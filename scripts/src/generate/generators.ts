/**
 * Every file of the repository that is made from code. To add one: write a function that returns the
 * whole text (deterministic: no date, no path of this machine, sorted), put it in a file of this
 * folder, and add a line here. `npm run generate` writes it, `npm run generated:check` compares it.
 */

/** One generated file: its path from the root of the repository, and how its text is made. */
export type Generator = { path: string, make(): Promise<string> }

/** All of them, in the order they are made. */
export const GENERATORS: readonly Generator[] = []
