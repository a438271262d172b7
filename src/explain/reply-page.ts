import { renderPage } from './page.js'
import type { ReplyDocument } from './reply-document.js'
import { replyScript } from './reply-script.js'
import { dialogueSection, madeSection, mixtureSections } from './reply-sections.js'
import { tableSection } from './reply-tables.js'
import { wordsSection } from './reply-words.js'

/** What a page says of the program, whatever the reply. */
export interface PageNotices {
  readonly research: string
  /** Where to find help: for a dialogue that mentions a crisis. */
  readonly crisis: string
}

/** A page that shows a reply and what it came from. */
export function renderReplyPage(document: ReplyDocument, { research, crisis }: PageNotices): string {
  const { title, model, adapter, seed } = document.made_with
  return renderPage({
    title: `How a reply of ${title} came about`,
    heading: 'How this reply came about',
    lead: `${title}${model === undefined ? '' : `, ${model}`}, on ${adapter}, seed ${seed}`,
    notices: [
      ...(document.reply.crisis ? [{ kind: 'crisis' as const, text: crisis }] : []),
      { kind: 'soft', text: research },
    ],
    main: [
      ...[dialogueSection(document), ...mixtureSections(document), wordsSection(document)],
      ...[tableSection(document), madeSection(document)],
    ],
    numbers: document,
    script: replyScript,
  })
}
