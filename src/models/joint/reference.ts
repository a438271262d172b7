import { JOINT_PROGRAMS } from '../../text/joint-programs.js'
import { readBartReference } from '../bart/reference.js'
import type { ReferenceFile, ReferenceInputs } from '../reference.js'
import type { JointConfig } from './config.js'
import type { JointInput } from './model.js'

/** What a capture of BlenderBot-Joint holds: a plain backbone's, and what it says of the strategies. @throws InputError */
export async function readJointReference(
  file: ReferenceFile,
  config: JointConfig,
): Promise<ReferenceInputs<JointInput>> {
  const plain = await readBartReference(file, config)
  const strategies = { shape: [plain.inputs.length, JOINT_PROGRAMS[config.program].strategies.length] }
  return {
    ...plain,
    inputs: plain.inputs.map((ids) => ({ ids })),
    stages: new Map([...plain.stages, ['strategy.logits', strategies], ['strategy.probs', strategies]]),
  }
}
