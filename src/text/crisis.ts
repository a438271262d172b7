import type { DialogueInput } from './dialogue.js'

// The patterns are of `plain` text: lower case, single spaces, neither apostrophes nor punctuation.

const SUICIDE = [
  /\b(?:suicid|sucid|suisid|su1cid|sewerslid)|\b(?:su cide|s icide|suic de)\b/,
  /\bun ?aliv/,
  // Not kilometres.
  /(?<!\d )\bkms\b|\bkys\b/,
  /\b(?:end|took|tak)\w* (?:my|his|her|their) (?:own )?life\b|\bend\w* it all\b/,
  /\b(?:want|wanna|wanted|wish|hope|ready|rather|should|like)(?: (?:i|to|2|was|were|be|could|just|would))* (?:die|dead|dying)\b/,
  /\bbetter off (?:dead|without me)\b/,
  /\b(?:reason|point|will) (?:to|in|of) (?:live|living|go on|going on)\b/,
  /\b(?:not|never|no longer|dont|didnt) (?:\w+ )?(?:want to|wanna) (?:live|exist|be alive|be here|wake up)\b/,
  /\btired of (?:living|being alive|life)\b|\bnever wak(?:e|ing) up\b/,
  /\bjump\w* (?:off|from|out of|in front of) (?:a|the|my) (?:\w+ )?(?:bridge|roof|building|balcony|cliff|train|window)\b/,
]

const SELF_HARM = [
  // "kill my self" and "kill myslef" too.
  /\b(?:kill|k1ll|(?:to|wanna|gonna|just) off|hang|shoot|drown|poison|stab|cut|burn|hurt|harm|starv)\w* (?:my|me|your|ur|him|her|them) ?s[el]+[fv]/,
  /\bself (?:harm|injur|mutilat)|\bself(?:harm|injur|mutilat)/,
  /\b(?:slit|slash|cut)\w* my (?:wrist|arm|leg|thigh|skin)s?\b/,
  /\boverdos|\bod (?:on|with)\b|\b(?:take|took|taking|swallow\w*) (?:all|too many) (?:of )?(?:my |the )?(?:pill|med|tablet)/,
]

const PERSON = String.raw`(?:him|her|them|some ?(?:one|body)|every ?(?:one|body)|people|(?:my|his|her|the) (?:\w+ )?(?:mom|mum|mother|dad|father|parents|wife|husband|partner|ex|girlfriend|boyfriend|baby|kids?|child|children|son|daughter|sister|brother|family|boss|neighbou?rs?))`

/** Done to others, and done to the one who writes. */
const VIOLENCE = [
  new RegExp(String.raw`\b(?:kill|murder|shoot|stab|strangl|chok)\w* ${PERSON}\b`),
  new RegExp(
    String.raw`\b(?:want to|wanna|going to|gonna|might|could|will|ill) (?:\w+ )?(?:hurt|harm|hit|beat|attack) ${PERSON}\b`,
  ),
  new RegExp(
    String.raw`\b(?:he|she|they|${PERSON}) (?:\w+ ){0,4}(?:hits?|hitting|beats?|beating|chok\w+|strangl\w+|punch\w*|stab\w*|attack\w*|kill) me\b`,
  ),
  /\b(?:got|get|was|were|been|being) (?:beaten|strangled|stabbed|attacked|assaulted)\b/,
  /\braped\b|\brap(?:es|ing) me\b|\bmolest|\bsexual\w* (?:abus|assault)|\bphysical\w* abus|\bdomestic (?:violence|abuse)\b/,
]

const PATTERNS = [...SUICIDE, ...SELF_HARM, ...VIOLENCE]

/** Characters that are looked at, the last ones of a text and the newest of a dialogue: many times what a model reads. */
const MAX_CHARACTERS = 100_000

/**
 * Whether a text in English has words of suicide, self-harm or violence in its last 100,000 characters. A list of phrases in
 * their common spellings, and deliberately crude: it understands nothing, negations included ("I would never kill myself"
 * counts, and so does "we were attacked" in a game), and whoever says it in other words is missed. It is there to offer help
 * once too often, and no measure of anyone's danger.
 */
export function mentionsCrisis(text: string): boolean {
  const words = plain(text.slice(-MAX_CHARACTERS))
  return PATTERNS.some((pattern) => pattern.test(words))
}

/**
 * Whether the situation or anything that the seeker said {@link mentionsCrisis}: of very long dialogues the newest 100,000
 * characters are looked at.
 */
export function seekerMentionsCrisis({ situation = '', dialogue }: DialogueInput): boolean {
  const said = dialogue.filter(({ speaker }) => speaker === 'seeker').map(({ text }) => text)
  let left = MAX_CHARACTERS
  for (const text of [situation, ...said.reverse()]) {
    if (left <= 0) return false
    if (mentionsCrisis(text)) return true
    left -= text.length
  }
  return false
}

/** Apostrophes, accents and invisible characters gone, and whatever else is no letter or digit a space. */
function plain(text: string): string {
  return text
    .replace(/['’‘`´]/g, '')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\p{M}\p{Cf}]/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
}
