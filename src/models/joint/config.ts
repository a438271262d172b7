import type { JointTokens } from '../../text/joint-programs.js'
import type { BackboneConfig } from '../backbone-config.js'

/** BlenderBot-Joint's dimensions and special ids: a plain BlenderBot-small whose vocabulary has the strategies. */
export interface JointConfig extends BackboneConfig, JointTokens {}
