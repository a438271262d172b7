/** A value as an error message shows it: JSON on one line, cut to 60 characters. */
export function quote(value: unknown): string {
  const text = json(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    // Nested too deeply, in circles, or a BigInt.
    return typeof value === 'object' ? Object.prototype.toString.call(value) : String(value)
  }
}
