/** Counts the buffers that a device creates from now on, of whatever kind: the device's own method is wrapped. */
export function countBuffers(device: GPUDevice): () => number {
  let created = 0;
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    created += 1;
    return createBuffer(descriptor);
  };
  return () => created;
}
