/** The types that tell the engines of one family from those of another. */
export interface EngineTypes {
  /** What kind of model it is. */
  readonly family: string
  /** What is asked of it: a dialogue, as its users write it. */
  readonly question: unknown
  /** What its model reads. */
  readonly input: unknown
  /** What its model tells of an input. */
  readonly told: unknown
  /** What of that, and of the question, a reply has beside a {@link DrawnReply}. */
  readonly details: object
  /** Options of its replies beside {@link DrawOptions}. */
  readonly options: object
}
