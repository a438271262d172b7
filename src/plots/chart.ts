import type { TopLevelSpec } from 'vega-lite'

/** A plot to draw. */
export interface Chart {
  /** Unique in its page. */
  readonly id: string
  readonly title: string
  /** A sentence that says what to see. */
  readonly note: string
  /** Whether it takes a page's whole width. */
  readonly wide?: true
  /** Vega-Lite, with its data. */
  readonly spec: TopLevelSpec
}

/** The pixels of a plot, its axes and legend included: readable at its own size on a phone of 390 pixels, unless it is wide. */
export const chartSize = (wide?: true): { readonly width: number; readonly height: number } =>
  wide ? { width: 1060, height: 460 } : { width: 430, height: 320 }
