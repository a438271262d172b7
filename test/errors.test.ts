import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError, MiscError } from '../src/errors.js'

const errors = suite('errors')

errors('a typed error carries its class name', () => {
  const error = new InputError('no such file')
  assert.instance(error, MiscError)
  assert.is(String(error), 'InputError: no such file')
})

errors.run()
