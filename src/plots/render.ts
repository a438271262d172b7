import type { compile, TopLevelSpec } from 'vega-lite'
import type { Chart } from './chart.js'
import { PALETTE } from './palette.js'
import { escapeHtml } from './section.js'

/**
 * Draws a plot. All of its text, axes and lines have the colour of the text around them (`currentColor`), so that it is read on
 * light and on dark; hovering a mark shows its values.
 *
 * @returns an `<svg>` element, to stand in a page or alone in a file
 */
export async function renderChart({ id, title, note, spec }: Chart): Promise<string> {
  // They take a quarter of a second to load, and most commands draw nothing.
  const [{ compile }, { parse, View }, { textMetrics }] = await Promise.all([
    import('vega-lite'),
    import('vega'),
    import('vega-scenegraph'),
  ])
  // Without a canvas it takes every letter for a wide one, and leaves a third of a plot to its labels.
  textMetrics.width = ({ fontSize = 11 }, text) => 0.58 * fontSize * String(text ?? '').length
  const { spec: program } = compile({ ...spec, config } as TopLevelSpec, { logger: strict })
  const view = new View(parse(program), { renderer: 'none' })
  try {
    const svg = await view.toSVG()
    const named = `<title id="${id}-title">${escapeHtml(title)}</title><desc id="${id}-desc">${escapeHtml(note)}</desc>`
    return svg
      .replace(/^<svg ([^>]*)>/, `<svg id="${id}" role="img" aria-labelledby="${id}-title ${id}-desc" $1>${named}`)
      .replace(/<(path|text) aria-label="([^"]*)"([^>]*)\/>/g, '<$1$3><title>$2</title></$1>')
  } finally {
    view.finalize()
  }
}

/** What Vega-Lite would warn of is a mistake of the plot's program, whatever its data. */
const strict: NonNullable<Parameters<typeof compile>[1]>['logger'] = {
  level: () => strict!,
  error: (...words) => fault(words),
  warn: (...words) => fault(words),
  info: () => strict!,
  debug: () => strict!,
}

function fault(words: readonly unknown[]): never {
  throw new Error(`a plot is drawn wrong: ${words.join(' ')}`)
}

const ink = 'currentColor'

const config: TopLevelSpec['config'] = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  padding: 4,
  range: { category: [...PALETTE] },
  axis: {
    ...{ labelColor: ink, titleColor: ink, domainColor: ink, tickColor: ink, gridColor: ink, gridOpacity: 0.15 },
    ...{ labelFontSize: 11, titleFontSize: 12, titleFontWeight: 'normal', labelLimit: 0 },
  },
  header: { labelColor: ink, titleColor: ink, labelFontSize: 12 },
  legend: {
    ...{ labelColor: ink, titleColor: ink, labelFontSize: 10.5, symbolSize: 80, labelLimit: 0 },
    ...{ orient: 'bottom', columns: 2, columnPadding: 4, title: null },
  },
  view: { stroke: null },
}
