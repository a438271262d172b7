/** Three digits at least, and no more than three after the point. */
export function fixed(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3)
}

export const percent = (part: number): string => `${(100 * part).toFixed(1)}%`
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** What stands in a table where nothing was measured. */
export const nothing = '–'
export const fixedOr = (value: number | null | undefined): string => (value == null ? nothing : fixed(value))
