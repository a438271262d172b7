#!/usr/bin/env node
import { endWithReader } from './end-with-reader.js'
import { runProgram } from './program.js'

const isEnding = endWithReader()
await runProgram(process.argv.slice(2), isEnding)
