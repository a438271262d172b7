import { figuresHtml, htmlPage } from '../plots/page.js'
import { escapeHtml, renderSectionsHtml } from '../plots/section.js'
import { reportCharts } from './charts.js'
import type { BenchReport } from './report.js'
import { adapterName, reportSections, reportTitle } from './sections.js'

/** The report as one HTML file with plots. */
export async function renderPage(report: BenchReport): Promise<string> {
  const [heading, ...sections] = reportSections(report)
  return htmlPage({
    title: reportTitle(report),
    heading: `<p>${escapeHtml(adapterName(report))}</p>\n<pre>${escapeHtml(heading!.notes.join('\n'))}</pre>`,
    body: `${await figuresHtml(reportCharts(report))}\n${renderSectionsHtml(sections)}`,
  })
}
