/** Most characters of a value that a message shows. */
const limit = 120

/** A value from outside as a one-line message shows it: JSON, cut when long. */
export function quote(value: unknown): string {
  const text = json(value)
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text
}

function json(value: unknown): string {
  if (typeof value === 'number') return String(value)
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    // Nested too deeply, in circles, or a BigInt.
    return typeof value === 'object' ? Object.prototype.toString.call(value) : String(value)
  }
}
