export { type DemoPackage, demoPackages } from "./demo/demo-packages.ts";
export { type DemoTextsOptions, demoCache, loadDemoTexts } from "./demo/load-demo-texts.ts";
export { TextsUnavailableError } from "./demo/npm-package.ts";
