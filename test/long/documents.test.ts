/** The pages whose code blocks take long. */
import { documentSuite } from '../documents.js'

documentSuite('documents that take long', true)
