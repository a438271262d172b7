import { escapeHtml } from './section.js'

/** A file of HTML that holds all it needs. */
export interface HtmlFile {
  readonly title: string
  readonly style: string
  /** Whether scripts that stand in it may run. */
  readonly scripts?: boolean
  /** In HTML. */
  readonly body: string
}

/** One HTML file whose own policy forbids every request, so that it looks the same on a machine without a network. */
export function htmlFile({ title, style, scripts = false, body }: HtmlFile): string {
  const policy = `default-src 'none'; ${scripts ? "script-src 'unsafe-inline'; " : ''}style-src 'unsafe-inline'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`
}
