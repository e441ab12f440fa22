import { Ds3Error } from "@ds3/errors";

/** No WebGPU adapter was found; the message names the command that fetches one. */
export class NoAdapterError extends Ds3Error {
  static override readonly name: string = "NoAdapterError";
}
/** The device was lost: driver crash, removal, or a call after `gpu.close()`. */
export class DeviceLostError extends Ds3Error {
  static override readonly name: string = "DeviceLostError";
}
/** A buffer could not be allocated, or is larger than the adapter allows. */
export class OutOfMemoryError extends Ds3Error {
  static override readonly name: string = "OutOfMemoryError";
}
/** A buffer is larger than one binding of the adapter may be, or a kernel binds more buffers than work everywhere. */
export class BindingLimitError extends Ds3Error {
  static override readonly name: string = "BindingLimitError";
}
/** A kernel table is malformed, of another version or adapter, or names a kernel that there is not. */
export class KernelTableError extends Ds3Error {
  static override readonly name: string = "KernelTableError";
}
/** Dawn or the browser refused a command; the label says which. */
export class GpuValidationError extends Ds3Error {
  static override readonly name: string = "GpuValidationError";
}
/** A tensor was used after the scope that owned it was closed. */
export class UseAfterFreeError extends Ds3Error {
  static override readonly name: string = "UseAfterFreeError";
}
/** A kernel needs a feature that the device does not have. */
export class FeatureError extends Ds3Error {
  static override readonly name: string = "FeatureError";
}
