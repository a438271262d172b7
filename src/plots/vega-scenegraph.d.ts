/** It has no types of its own. */
declare module 'vega-scenegraph' {
  /** How wide texts are, in pixels. */
  export const textMetrics: { width(item: { readonly fontSize?: number }, text: unknown): number }
}
