export { type DocumentFormat, type ReadOptions, readDocuments } from "./read-documents.ts";
export { type FileRecord, readRecords } from "./read-records.ts";
