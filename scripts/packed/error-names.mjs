/** Throws when an exported error class has not the name that it is exported by: errors are recognised by it across copies. */
export function assertErrorNames(name, exported) {
  const renamed = Object.keys(exported).filter((key) => key.endsWith("Error") && exported[key].name !== key);
  if (renamed.length > 0) throw new Error(`${name}: minified, ${renamed.join(", ")} have other names`);
}
