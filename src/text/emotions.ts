/** The emotions of EmpatheticDialogues, in the order of MoEL's and MIME's ids. */
export const EMPATHETIC_EMOTIONS = [
  ...['surprised', 'excited', 'annoyed', 'proud', 'angry', 'sad', 'grateful', 'lonely', 'impressed', 'afraid'],
  ...['disgusted', 'confident', 'terrified', 'hopeful', 'anxious', 'disappointed', 'joyful', 'prepared', 'guilty'],
  ...['furious', 'nostalgic', 'jealous', 'anticipating', 'embarrassed', 'content', 'devastated', 'sentimental'],
  ...['caring', 'trusting', 'ashamed', 'apprehensive', 'faithful'],
] as const

/** The emotions of ESConv's seekers (`emotion_type`), in the order of misc-esconv's numbers. */
export const ESCONV_EMOTIONS = [
  ...['anxiety', 'anger', 'fear', 'depression', 'sadness', 'disgust', 'shame', 'nervousness', 'pain', 'jealousy'],
  'guilt',
] as const

/**
 * What an emotion of ESConv is called among {@link EMPATHETIC_EMOTIONS}: MIME has a row for each of those and no others. Ours;
 * nobody has published how MIME was run on ESConv. All are among its negative ones.
 */
export const EMPATHETIC_OF_ESCONV: Readonly<
  Record<(typeof ESCONV_EMOTIONS)[number], (typeof EMPATHETIC_EMOTIONS)[number]>
> = {
  anxiety: 'anxious',
  anger: 'angry',
  fear: 'afraid',
  depression: 'devastated',
  sadness: 'sad',
  disgust: 'disgusted',
  shame: 'ashamed',
  nervousness: 'apprehensive',
  pain: 'disappointed',
  jealousy: 'jealous',
  guilt: 'guilty',
}

/** What a model of so many emotions calls them: those of EmpatheticDialogues, those of ESConv, or their numbers. */
export function emotionNames(count: number): readonly string[] {
  const known = [EMPATHETIC_EMOTIONS, ESCONV_EMOTIONS].find(({ length }) => length === count)
  return known ?? Array.from({ length: count }, (_, id) => String(id))
}
