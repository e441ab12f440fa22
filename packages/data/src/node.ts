export { type DocumentFormat, type ReadOptions, readDocuments } from "./read-documents.ts";
