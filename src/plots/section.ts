/** A part of a report, for people: text, Markdown and HTML are written from the same. */
export interface Section {
  readonly title: string
  /** Sentences before the table. */
  readonly notes: readonly string[]
  readonly table?: Table
}

/** The first columns hold names, the others figures. */
export interface Table {
  /** How many hold names; default 1. */
  readonly names?: number
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** For a terminal. */
export function renderText(sections: readonly Section[]): string {
  return `${sections.map(({ title, notes, table }) => [title, ...notes.map((it) => `  ${it}`), ...(table ? textTable(table).map((it) => `  ${it}`) : [])].join('\n')).join('\n\n')}\n`
}

/** Lines of columns side by side, the heading first. */
export function textTable({ names = 1, columns, rows }: Table): string[] {
  const all = [columns, ...rows]
  const widths = columns.map((_, i) => Math.max(...all.map((row) => row[i]!.length)))
  return all.map((row) =>
    row
      .map((cell, i) => (i < names ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}

/** For a README or an issue. What comes from outside, as a folder's name, cannot become markup. */
export function renderMarkdown(sections: readonly Section[]): string {
  const parts = sections.flatMap(({ title, notes, table }) => [
    `## ${escapeMarkdown(title)}`,
    ...(notes.length > 0 ? [notes.map((it) => `- ${escapeMarkdown(it)}`).join('\n')] : []),
    ...(table ? [markdownTable(table)] : []),
  ])
  return `${parts.join('\n\n')}\n`
}

export function markdownTable({ names = 1, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const aligned = columns.map((_, i) => (i < names ? '---' : '---:'))
  return [columns.map(escapeMarkdown), aligned, ...rows.map((row) => row.map(escapeMarkdown))].map(line).join('\n')
}

const escapeMarkdown = (text: string): string => text.replace(/[\\`*_[\]<>|~&#]/g, '\\$&').replace(/\s+/g, ' ')

/** For a page. */
export function renderSectionsHtml(sections: readonly Section[]): string {
  return sections
    .map(({ title, notes, table }) => {
      const items = notes.map((it) => `<li>${escapeHtml(it)}</li>`).join('')
      return `<section><h2>${escapeHtml(title)}</h2>${items && `<ul>${items}</ul>`}${table ? htmlTable(table) : ''}</section>`
    })
    .join('\n')
}

function htmlTable({ names = 1, columns, rows }: Table): string {
  const cell = (text: string, tag: string, i: number) =>
    `<${tag}${i < names ? ' class="name"' : ''}>${escapeHtml(text)}</${tag}>`
  const line = (cells: readonly string[], tag: string) => `<tr>${cells.map((it, i) => cell(it, tag, i)).join('')}</tr>`
  const body = rows.map((row) => line(row, 'td')).join('\n')
  return `<div class="table"><table><thead>${line(columns, 'th')}</thead><tbody>${body}</tbody></table></div>`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character]!)
