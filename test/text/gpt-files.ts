/** 14 pieces of a vocabulary of OpenAI GPT's kind, by id. */
export const GPT_TOKENS = [
  '<unk>',
  'e',
  'a',
  't',
  's',
  'e</w>',
  'a</w>',
  't</w>',
  's</w>',
  '.</w>',
  'at</w>',
  'eat</w>',
  'ea',
  '\n</w>',
]

/** The merges that make them. */
export const GPT_MERGES = '#version: 0.2\na t</w>\ne at</w>\ne a\n'
