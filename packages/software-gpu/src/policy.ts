/** True when the user set DS3_SOFTWARE_GPU=off: no software driver is installed or loaded by this package. */
export function isForbidden(): boolean {
  return process.env.DS3_SOFTWARE_GPU?.toLowerCase() === "off";
}
