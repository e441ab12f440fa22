/** The codecs on the CPU, without a device: @ds3/fp8-codec. */
export * from "@ds3/fp8-codec";
