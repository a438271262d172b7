/** Every code block of README and docs does what it says, or says why it is not run here. */
import { documentSuite } from './documents.js'

documentSuite('documents', false)
