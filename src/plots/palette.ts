/**
 * Colours that people who do not see all of them tell apart, by Okabe and Ito (https://jfly.uni-koeln.de/color/), with grey in
 * place of their black: all are seen on light and on dark, and black text is read on each.
 */
export const PALETTE = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#999999'] as const

/** What is there to be compared with, and not itself the point. */
export const FAINT = '#999999'
