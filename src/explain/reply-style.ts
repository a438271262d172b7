import { PALETTE } from '../plots/palette.js'

const [blue, orange, green, purple] = PALETTE

/**
 * Sources have a colour and a pattern each, so that they are told apart without colours too. What is printed is light, and has no
 * parts that want a pointer.
 */
export const replyStyle = `
:root { color-scheme: light dark; --ink: #1f2328; --soft: #57606a; --line: #d9dde2; --box: #f5f6f8; --paper: #fff;
  --context: ${blue}; --post: ${orange}; --situation: ${green}; --strategy: ${purple} }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --soft: #a3abb5; --line: #3a4048; --box: #20242a; --paper: #15181c; --context: #3f97d3 }
}
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --box: #fff; --paper: #fff; --context: ${blue} } }
* { box-sizing: border-box; print-color-adjust: exact }
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .4rem; text-wrap: balance }
h2 { font-size: 1.2rem; margin: 3rem 0 .3rem }
h3 { font-size: 1rem; margin: 0 0 .5rem }
p { margin: 0 0 .8rem; max-width: 44rem }
.soft, .say { color: var(--soft) }
.say { margin-bottom: 1.1rem }
small, .small { font-size: .8125rem }
.notice { border-left: 3px solid var(--line); padding-left: .8rem; margin: 1rem 0 0 }
.notice p { margin: 0 }
.notice ul { margin-top: .3rem }
.crisis { border-left-color: var(--ink); color: var(--ink) }
ol, ul { list-style: none; margin: 0; padding: 0 }
.turns > li { display: grid; grid-template-columns: 6.5rem 1fr; gap: .1rem 1rem; padding: .35rem 0; overflow-wrap: anywhere }
.turns .who { color: var(--soft); font-size: .875rem; padding-top: .1rem }
.turns .tag { display: block; color: var(--soft); font-size: .8125rem }
.turns .drawn { background: var(--box); border-radius: .5rem; padding: .7rem .8rem; margin: .4rem -.8rem 0 }
.turns .drawn .what { font-size: 1.15rem }
.bars { display: grid; gap: .3rem }
.bar { display: block; height: .8rem; border-radius: 2px; background: var(--soft) }
#strategy .bar { background: var(--strategy) }
#strategy .bar.given { background: none; box-shadow: inset 0 0 0 2px var(--strategy) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--soft); font-size: .8125rem; padding-bottom: .3rem }
th, td { padding: .28rem .6rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400 }
thead th { color: var(--soft); font-size: .8125rem; vertical-align: bottom; white-space: nowrap }
th[scope=row], .left { text-align: left }
th:first-child { padding-left: 0 }
.wrap { white-space: normal }
.measure { width: 100% }
.measure .track { width: 45%; min-width: 6rem; vertical-align: middle }
.measure td:not(.track):not(.wrap), .measure th { white-space: nowrap }
.best th, .best td { font-weight: 650 }
.mark { margin-left: .6rem; padding: .05rem .45rem; border: 1px solid var(--soft); border-radius: 1rem; font-size: .75rem; font-weight: 400; color: var(--soft); white-space: nowrap }
.scroll { overflow-x: auto; font-size: .875rem; margin-right: -1.25rem; padding-right: 1.25rem }
.scroll td.wrap { min-width: 11rem }
.scroll + .say { margin-top: 2rem }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 0 0 1rem; font-size: .875rem }
.legend i, .stack i { background-color: var(--c); background-image: var(--pattern) }
.legend i { display: inline-block; width: 1.4rem; height: .8rem; border-radius: 2px; margin-right: .45rem; vertical-align: -1px }
.context { --c: var(--context); --pattern: none }
.post { --c: var(--post); --pattern: repeating-linear-gradient(135deg, transparent 0 3px, rgb(0 0 0 / .38) 3px 5px) }
.situation { --c: var(--situation); --pattern: repeating-linear-gradient(90deg, transparent 0 3px, rgb(255 255 255 / .55) 3px 5px) }
.strategy { --c: var(--strategy); --pattern: radial-gradient(rgb(0 0 0 / .5) 1px, transparent 1.3px); background-size: 5px 5px }
.stack { display: flex; height: .8rem; border-radius: 2px; overflow: hidden }
.words { line-height: 1; margin: 0 0 1.2rem; display: flex; flex-wrap: wrap; gap: .55rem .3rem }
.word { font: inherit; color: inherit; background: none; border: 0; border-radius: .35rem; padding: .3rem .3rem .25rem; cursor: pointer; min-width: 2.6rem }
.word.joins { margin-right: -.45rem }
.word .what { display: block; font-size: 1.125rem; line-height: 1.35 }
.word .stack { height: .4rem; margin: .15rem 0 .3rem }
.word .sure { display: block; color: var(--soft); font-size: .75rem }
.word:hover, .word[aria-pressed=true], .word.on { background: var(--box) }
.word.on { box-shadow: inset 0 -2px 0 var(--ink) }
:focus-visible { outline: 2px solid var(--context); outline-offset: 2px }
.details { background: var(--box); border-radius: .6rem; padding: 1rem 1.1rem; margin: 0 0 2rem; min-height: 17.5rem }
.details > div { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.15fr); gap: .4rem 2.2rem; align-items: start }
.details > div[hidden] { display: none }
.details .over { grid-column: 1 / -1 }
.details th, .details td { padding: .18rem .5rem .18rem 0; font-size: .875rem }
.details .track { width: 50% }
.details .scroll { margin: 0; padding: 0 }
.read { overflow-wrap: anywhere }
.read .what { line-height: 1.75 }
.read .token { border-radius: .25rem; padding: .1rem .12rem; background: color-mix(in srgb, var(--context) calc(var(--a, 0) * 42%), transparent) }
.read .top { text-decoration: underline 2px; text-underline-offset: .2em }
.read .silent { color: var(--soft); font-size: .75rem }
.blocks { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.5rem 2.5rem }
.blocks li { display: grid; grid-template-columns: 1.4rem minmax(0, 1fr) 5rem 3rem; gap: .5rem; align-items: center; padding: .12rem 0; font-size: .875rem }
.blocks .rank { display: inline-block; width: 1.25rem; height: 1.25rem; line-height: 1.25rem; text-align: center; font-size: .75rem; border-radius: 50%; visibility: hidden }
.blocks .top .rank { visibility: visible; background: var(--ink); color: var(--paper) }
.blocks .top .what { font-weight: 650 }
.blocks .what { overflow-wrap: anywhere }
.blocks .value { text-align: right; font-variant-numeric: tabular-nums; color: var(--soft) }
.blocks .bar { background-color: var(--c); background-image: var(--pattern); height: .6rem }
.rel { color: var(--soft) }
main > .say { margin-top: 1.6rem }
.relations { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 3rem }
.relation h2 { margin-top: 1.8rem }
.tree { line-height: 1 }
.tree .tree { margin-left: 1rem; padding-left: .9rem; border-left: 2px solid var(--line) }
.tree li { padding: .25rem 0 }
.node { display: inline-block; vertical-align: top; min-width: 2.4rem; padding: 0 .35rem .3rem 0; text-align: center }
.node .what { display: block; line-height: 1.4; overflow-wrap: anywhere }
.node .grow { display: block; height: .3rem; border-radius: 2px; background: var(--line); overflow: hidden }
.node .grow span { display: block; height: 100%; background: var(--context) }
.node .sure { display: block; color: var(--soft); font-size: .6875rem; padding-top: .2rem; white-space: nowrap }
.tail { display: inline-block; vertical-align: top; margin: .25rem 0 0 .3rem; padding: .15rem .5rem; border: 1px solid var(--soft); border-radius: 1rem; color: var(--soft); font-size: .75rem }
.lost { border-style: dashed }
.dropped { font-size: .875rem }
.dropped > .node { border: 1px dashed var(--soft); border-radius: .3rem; padding: 0 .3rem .2rem; margin-right: .2rem }
.relation h2 .soft { font-weight: 400; font-size: 1rem }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1.2rem; margin: 0; overflow-wrap: anywhere }
dt { color: var(--soft) } dd { margin: 0 }
code { font: .875rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
pre { background: var(--box); border-radius: .4rem; padding: .7rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: 1rem 0 0 }
@media (max-width: 44rem) {
  body { padding-top: 1.5rem }
  .turns > li, .details > div { grid-template-columns: minmax(0, 1fr) }
  .blocks { grid-template-columns: minmax(0, 1fr) }
  #strategy .track { width: 35%; min-width: 4rem }
  #strategy .both .track { width: 12%; min-width: 2.25rem }
  #strategy .both :is(th, td) { padding-inline: 0 .4rem; font-size: .875rem }
  .mark { display: block; width: max-content; margin: .15rem 0 0 }
  .details .scroll :is(th, td) { padding-right: .3rem; font-size: .8125rem }
  .details .scroll .track { width: 18%; min-width: 2.5rem }
  #strategy th { white-space: normal }
  .turns .drawn { margin-inline: 0 }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0 } dd { margin-bottom: .5rem }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt }
  .points { display: none } .turns .drawn { margin-left: 0; margin-right: 0 }
  .scroll { overflow: visible; margin: 0; padding: 0; font-size: 8pt }
  .scroll td.wrap { min-width: 0 } .scroll th, .scroll td { padding: .15rem .25rem; overflow-wrap: anywhere; white-space: normal }
  .details { min-height: 0; border: 1px solid var(--line) }
  .details > div { grid-template-columns: minmax(0, 1fr) }
  tr, li, .word, .relation { break-inside: avoid } h2, h3 { break-after: avoid }
}
`
