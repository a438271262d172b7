import { platform, release } from 'node:os'
import { strToU8, zipSync } from 'fflate'
import type { Gpu } from '../gpu/gpu.js'
import { writeWholeFile } from '../io/whole-file.js'
import { packageVersion } from '../platform/node/packaged.js'
import { htmlFile } from '../plots/html-file.js'
import { escapeHtml } from '../plots/section.js'
import type { StageComparison } from '../validate/comparison.js'
import type { CaseReport } from '../validate/validate.js'
import { jsonOf, type Validation } from './validation.js'

/** What a report is made of. */
export interface ReportParts {
  readonly validation: Validation
  /** What the command prints. */
  readonly words: string
  readonly environment: Environment
  /** The model's config.json. */
  readonly config: unknown
  /** The dispatch that is off, as a program that runs it again. */
  readonly reproduction: string | undefined
}

/** Where a validation ran. */
export type Environment = ReturnType<typeof environmentOf>

/** Versions, adapter, and what was switched on or chosen there. */
export function environmentOf(gpu: Gpu) {
  const { adapter, features, limits, variants } = gpu
  const { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } = limits
  return {
    'misc-webgpu': packageVersion,
    node: process.version,
    system: `${platform()} ${release()}`,
    adapter,
    features: [...features].sort(),
    limits: { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize },
    /** By the key of a shape class: what was measured or named in place of the guess. */
    kernels: Object.fromEntries(
      variants.asked.map(({ shapeClass, candidates }) => [
        shapeClass.key,
        variants.measured.get(shapeClass.key) ?? candidates[0]!,
      ]),
    ),
  }
}

/**
 * Writes a report that can be attached to an issue: a zip archive of `report.json`, `report.md`, `heat-map.html`, and where an
 * op is off `first-bad-op.mjs`, which runs it again. It holds ids of the inputs and values of the model, and no text.
 *
 * @throws InputError where the file cannot be written
 */
export async function writeReport(path: string, parts: ReportParts): Promise<void> {
  const { validation, words, environment, config, reproduction } = parts
  const files = {
    'report.json': jsonOf({ environment, config, ...validation }),
    'report.md': `# misc validate\n\n\`\`\`\n${words}\`\`\`\n\n## Where\n\n\`\`\`json\n${jsonOf(environment)}\`\`\`\n`,
    'heat-map.html': heatMap(validation.cases),
    ...(reproduction && { 'first-bad-op.mjs': reproduction }),
  }
  const archive = zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])))
  await writeWholeFile(path, async (file) => {
    await file.writeFile(archive)
  })
}

/** A page with a table of stages by cases, each cell in the colour of its error in parts of the tolerance. */
function heatMap(cases: readonly CaseReport[]): string {
  const names = [...new Set(cases.flatMap(({ stages }) => stages.map(({ name }) => name)))]
  const heads = cases.map(
    ({ file, mode }) =>
      `<th colspan="2" title="${escapeHtml(file)}">${escapeHtml(file.split('/').at(-1)!)}<br>${mode}</th>`,
  )
  const rows = names.map((name) => {
    const cells = cases.map(({ stages }) => {
      const stage = stages.find((it) => it.name === name)
      return stage ? cell(stage, 'max_abs') + cell(stage, 'added_max_abs') : '<td></td><td></td>'
    })
    return `<tr><th>${escapeHtml(name)}</th>${cells.join('')}</tr>`
  })
  const style = `
body { font: 14px system-ui, sans-serif; margin: 2em }
table { border-collapse: collapse }
th { text-align: left; font-weight: normal; padding: 0 1em 0 0 }
td { text-align: right; padding: 2px 6px; font-variant-numeric: tabular-nums }
td.bad { outline: 2px solid #000; font-weight: bold }
`
  const body = `<h1>Errors by stage</h1>
<p>Of each case the largest error as it ran, and the largest that the stage adds itself. White is a millionth of the tolerance or
less, yellow a thousandth, red the tolerance; a frame marks what is beyond it.</p>
<table><tr><th></th>${heads.join('')}</tr>
<tr><th></th>${cases.map(() => '<td>max</td><td>added</td>').join('')}</tr>
${rows.join('\n')}
</table>`
  return htmlFile({ title: 'misc validate: errors by stage', style, body })
}

function cell(stage: StageComparison, key: 'max_abs' | 'added_max_abs'): string {
  const part = stage[key] / stage.tolerance
  // From a millionth of the tolerance to all of it.
  const heat = part > 0 ? Math.min(1, Math.max(0, 1 + Math.log10(part) / 6)) : 0
  const colour = `hsl(${60 - 60 * Math.max(0, heat * 2 - 1)} 90% ${100 - 45 * Math.min(1, heat * 1.5)}%)`
  const value = Number.isFinite(stage[key]) ? stage[key].toExponential(1) : 'inf'
  return `<td style="background:${colour}"${stage.ok ? '' : ' class="bad"'}>${value}</td>`
}
