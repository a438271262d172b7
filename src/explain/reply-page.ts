import { Html, html } from './html.js'
import type { ReplyDocument } from './reply-document.js'
import { replyScript } from './reply-script.js'
import { dialogueSection, madeSection, mixtureSections } from './reply-sections.js'
import { replyStyle } from './reply-style.js'
import { tableSection } from './reply-tables.js'
import { wordsSection } from './reply-words.js'

/** What a page says of the program, whatever the reply. */
export interface PageNotices {
  readonly research: string
  /** Where to find help: for a dialogue that mentions a crisis. */
  readonly crisis: string
}

/**
 * One HTML file that shows a reply and what it came from. It holds all it needs, its numbers too, and its own policy forbids every
 * request. Without scripts it shows the same but for what a pointer adds.
 */
export function renderReplyPage(document: ReplyDocument, { research, crisis }: PageNotices): string {
  const { title, model, adapter, seed } = document.made_with
  return html`${new Html('<!doctype html>')}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>How a reply of ${title} came about</title>
<style>${new Html(replyStyle)}</style>
</head>
<body>
<header><h1>How this reply came about</h1>
<p class="soft">${title}${model !== undefined && `, ${model}`}, on ${adapter}, seed ${seed}</p>
${document.reply.crisis && notice('crisis', crisis)}
${notice('soft', research)}</header>
<main>
${[dialogueSection(document), ...mixtureSections(document), wordsSection(document), tableSection(document), madeSection(document)]}
</main>
<script id="numbers" type="application/json">${new Html(JSON.stringify(document).replaceAll('<', '\\u003c'))}</script>
<script>${new Html(replyScript)}</script>
</body>
</html>
`.markup
}

/** A text that is set for a terminal, anew: its lines are one paragraph, and those that are set in a list. */
function notice(kind: string, text: string): Html {
  const lines = text.split('\n')
  const isItem = (line: string) => line.startsWith('  ')
  const items = lines.filter(isItem).map((line) => line.trim().replace(/ {2,}/, ': '))
  return html`<div class="notice small ${kind}" role="note"><p>${lines.filter((it) => !isItem(it)).join(' ')}</p>${
    items.length > 0 && html`<ul>${items.map((it) => html`<li>${it}</li>`)}</ul>`
  }</div>`
}
