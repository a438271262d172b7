/** `npm run fuzz`: 100,000 cases of every kind of input, from a seed that it prints; or as many, and from the seed, that are given. */
const [cases = '100000', seed = String(Math.floor(Math.random() * 2 ** 31)), ...words] = process.argv.splice(2)
process.env.MISC_FUZZ_CASES = cases
process.env.MISC_FUZZ_SEED = seed
console.error(`${cases} cases of each kind; to repeat them: npm run fuzz -- ${[cases, seed, ...words].join(' ')}`)
process.argv.push(...(words.length > 0 ? words : ['']).map((word) => `fuzz/${word}`))
await import('../run.js')
