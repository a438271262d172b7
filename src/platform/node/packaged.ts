/**
 * What the package holds beside its code. This file reads it where it lies, for whoever runs the sources; in dist
 * scripts/embed.ts puts the values themselves in its place, because a bundler takes along only what is imported.
 */
import { readdirSync, readFileSync } from 'node:fs'

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

/** This package's version, from its package.json. */
export const packageVersion: string = JSON.parse(read('package.json')).version

/** The texts of the files in `shaders/`, by their names. */
export const shaders: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(new URL('../../../shaders', import.meta.url)).map((file) => [file, read(`shaders/${file}`)]),
)
