/**
 * Every error that misc-webgpu throws on purpose is a {@link MiscError}: its message says what was wrong, where, and
 * what to do; its class says which kind it is, and so which exit code a command ends with.
 */
export class MiscError extends Error {
  /** The class's name, which stays when code is minified. */
  override name = 'MiscError'
}

/** Bad usage or bad input: a file, a string, an option or a number from outside. Commands exit with 2. */
export class InputError extends MiscError {
  override name = 'InputError'
}

/** A tensor's shape or dtype is not what an operation needs. Its message names the op, the tensor and both shapes. */
export class ShapeError extends MiscError {
  override name = 'ShapeError'
}

/** No WebGPU adapter was found, or not the one asked for. Commands exit with 3. */
export class NoAdapterError extends MiscError {
  override name = 'NoAdapterError'
}

/** The GPU device was lost. What was pending is rejected with this; an engine's next call loads its model again. */
export class DeviceLostError extends MiscError {
  override name = 'DeviceLostError'
}

/** The GPU has no room for a buffer of this size. */
export class OutOfMemoryError extends MiscError {
  override name = 'OutOfMemoryError'
}

/**
 * The GPU reported a validation or internal error, or a shader did not compile: a fault of this package. Or a reply's logits
 * are not finite: a fault of the checkpoint.
 */
export class GpuError extends MiscError {
  override name = 'GpuError'
}

/** The object was used after `dispose()`. */
export class DisposedError extends MiscError {
  override name = 'DisposedError'
}

/** As many replies wait as the engine was loaded for (`maxQueue`). Ask again when one of them has ended. */
export class QueueFullError extends MiscError {
  override name = 'QueueFullError'
}
