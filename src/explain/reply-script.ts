/**
 * What a page does when a word is pointed at, focused or tapped: it shows what that word looked at. All of it stands in the tables
 * too, and without a pointer the page shows the whole reply's. A tap, or Enter, keeps a word; Escape lets it go.
 */
export const replyScript = `
const { words, context, blocks } = JSON.parse(document.getElementById('numbers').textContent)
const all = (selector) => [...document.querySelectorAll(selector)]
const buttons = all('.word')
const mean = (of) => of.length === 0 ? [] : of[0].map((_, i) => of.reduce((sum, it) => sum + it[i], 0) / of.length)
const text = (part) => part === 0 ? '0\\u00a0%' : part < 0.0001 ? '<\\u00a00.01\\u00a0%' : (100 * part).toFixed(part < 0.00995 ? 2 : part < 0.0995 ? 1 : 0) + '\\u00a0%'
const best = (weights) => [...weights.keys()].sort((a, b) => weights[b] - weights[a]).slice(0, 5)
let kept = -1
function shade(source, weights) {
  const most = Math.max(...weights)
  const darkest = Math.max(most, 3 / weights.length)
  const five = best(weights)
  for (const place of all('[data-' + source + ']')) {
    const i = Number(place.dataset[source])
    place.classList.toggle('top', five.includes(i))
    place.style.setProperty('--a', weights[i] / darkest)
    place.dataset.value = weights[i]
    const bar = place.querySelector('.bar')
    if (!bar) continue
    bar.style.width = 100 * weights[i] / most + '%'
    place.querySelector('.value').textContent = text(weights[i])
    place.querySelector('.rank').textContent = five.includes(i) ? five.indexOf(i) + 1 : ''
  }
}
function show(word) {
  buttons.forEach((it, i) => it.classList.toggle('on', i === word))
  for (const it of all('.details > div')) it.hidden = it.id !== (word < 0 ? 'whole' : 'word-' + word)
  if (!blocks) return
  for (const source of ['context', 'post', 'situation']) {
    const weights = word < 0 ? mean(words.map((it) => it.attention[source])) : words[word].attention[source]
    if (weights.length > 0) shade(source, weights)
  }
  for (const it of all('.whose')) it.textContent = word < 0 ? 'over the whole reply' : 'for “' + buttons[word].querySelector('.what').textContent.trim() + '”'
}
function keep(word) {
  kept = kept === word ? -1 : word
  buttons.forEach((it, i) => it.setAttribute('aria-pressed', i === kept))
  show(kept)
}
buttons.forEach((button, i) => {
  button.addEventListener('pointerenter', (event) => event.pointerType === 'mouse' && show(i))
  button.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && show(kept))
  button.addEventListener('focus', () => button.matches(':focus-visible') && show(i))
  button.addEventListener('blur', () => show(kept))
  button.addEventListener('click', () => keep(i))
})
addEventListener('keydown', (event) => event.key === 'Escape' && keep(kept))
`
