/** Something to stop that a caller's signal stops too. */
export interface LinkedAbort {
  readonly signal: AbortSignal
  stop(): void
}

/** A signal of its own that follows the caller's, where there is one. */
export function linkedAbort(callers: AbortSignal | undefined): LinkedAbort {
  const own = new AbortController()
  return { signal: callers ? AbortSignal.any([callers, own.signal]) : own.signal, stop: () => own.abort() }
}
